package lab.docs

metrics := input.facts.metrics.body

tiers := input.facts.tiers

deny contains $"SLO {one.id}: the API's /metrics has no {one.metric}" if {
	some one in input.document.slos
	not one.metric in shown
}

shown contains found[1] if {
	some found in regex.find_all_string_submatch_n(`(?m)^([a-zA-Z_:][a-zA-Z0-9_:]*)[{ ]`, metrics, -1)
}

deny contains $"SLO {one.id}: how fast something is, a histogram says by its _bucket or _count" if {
	some one in input.document.slos
	one.kind == "latency"
	not regex.match(`_(bucket|count)$`, one.metric)
}

operations := {one.operationId | some methods in input.facts.openapi.body.paths; some one in methods}

deny contains $"SLO {one.id} is about {one.operation}, which is no operation of the API" if {
	some one in input.document.slos
	one.operation != "all"
	not one.operation in operations
}

deny contains $"SLO {one.id} has no runbook" if {
	some one in input.document.slos
	not one.id in {runbook.slo | some runbook in input.document.runbooks}
}

deny contains $"runbook {one.id} is for {one.slo}, which is no SLO" if {
	some one in input.document.runbooks
	not one.slo in {slo.id | some slo in input.document.slos}
}

deny contains "one SLO says how available the platform is, and one how fast" if {
	some kind in ["availability", "latency"]
	not kind in {one.kind | some one in input.document.slos}
}

stated[one.name] := one if some one in input.document.tiers

deny contains "the policy that decides has no tiers: is lab.api in the data that was released?" if not is_object(tiers)

deny contains $"the policy has no tier {name}" if some name in (object.keys(stated) - object.keys(tiers))

deny contains $"tier {name} is not described" if some name in (object.keys(tiers) - object.keys(stated))

deny contains $"tier {name}: calls_per_minute is not what the policy decides by" if {
	some name, calls in tiers
	stated[name].calls_per_minute != calls
}

deny contains "gold is answered no faster than bronze" if {
	stated.gold.response_minutes >= stated.bronze.response_minutes
}

deny contains $"nobody is told of a {event}" if {
	some event in ["incident", "maintenance", "deprecation"]
	not event in {one.event | some one in input.document.communications}
}
