package lab.docs

incident := input.document

moved := sum([one.moves | some one in input.facts.lifecycle.models])

deny contains "no alias was found moved yet" if moved == 0

deny contains "the alias that was moved is another" if incident.alias != "champion"

versions := {one.version | some one in input.facts.versions.body.model_versions}

# While there is no other version, the alias goes away.
deny contains $"moved_to: fraud has no version {incident.moved_to}" if {
	not incident.moved_to in (versions | {"none"})
}

seen := time.parse_rfc3339_ns(incident.detected_at)

back := time.parse_rfc3339_ns(incident.back_at)

# The lab's parts are as old as the lab.
made := time.parse_rfc3339_ns(input.facts.registry[0].metadata.creationTimestamp)

gone := back - seen

deny contains "detected_at and back_at are RFC 3339 times, such as 2026-03-10T12:00:00Z" if not gone

deny contains "detected_at is before there was this lab" if seen < made

deny contains "back_at is before detected_at" if gone < 0

deny contains "back_at: the operator puts an alias back within minutes, not hours" if {
	gone > (3600 * 1000) * 1000000
}
