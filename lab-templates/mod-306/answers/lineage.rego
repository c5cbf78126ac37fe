package lab.docs

champion := input.facts.champion.body.model_version

tags[one.key] := one.value if some one in champion.tags

deny contains "MLflow names no champion of fraud" if not champion.version

deny contains "the champion is the version from before your time: promote a candidate first" if {
	tags.approval_id == "CAB-1187"
}

deny contains $"version {input.document.version} is not the champion, {champion.version} is" if {
	to_number(champion.version) != input.document.version
}

deny contains "run_id is not that of the champion" if champion.run_id != input.document.run_id

deny contains $"{field} is not what the champion's tags say" if {
	some field, tag in {
		"git_commit": "git_commit",
		"data_digest": "data_digest",
		"feature_service": "feast.feature_service",
	}
	object.get(tags, tag, "") != input.document[field]
}

deny contains "approval.request is not the request by which the champion was promoted" if {
	tags.approval_id != input.document.approval.request
}

deny contains "approval.approved_by is not who approved the champion" if {
	{one | some one in split(tags.approved_by, ",")} != {one | some one in input.document.approval.approved_by}
}

# Everything that Feast says the service is made of, features aside: they are columns of their views.
found contains edge if {
	some one in input.facts.lineage.body.relationships
	one.source.type != "feature"
	edge := {"from": called(one.source), "to": called(one.target)}
}

called(one) := $"{one.type}/{one.name}"

feeds[to] contains from if some {"from": from, "to": to} in found

upstream := graph.reachable(feeds, {$"featureService/{input.document.feature_service}"})

wanted := {edge | some edge in found; edge.to in upstream}

given := {edge | some edge in input.document.edges}

deny contains $"edges lack what leads into {edge.to}" if some edge in (wanted - given)

deny contains $"Feast knows no edge from {edge.from} to {edge.to} behind this service" if {
	some edge in (given - wanted)
}

deny contains $"Feast knows no service {input.document.feature_service}" if count(wanted) == 0
