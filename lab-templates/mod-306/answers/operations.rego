package lab.docs

slos[one.service] := one if some one in input.document.slos

deny contains $"service {one.name} has no SLO" if {
	some one in input.services
	not slos[one.name]
}

deny contains $"SLO of {one.name}: sli is {slos[one.name].sli}, the path that says it is well is {one.health}" if {
	some one in input.services
	slos[one.name].sli != one.health
}

rows[one.name] := one if some one in input.facts.lifecycle.personas

usage[one.persona] := one if some one in input.document.usage

deny contains $"usage says nothing of {name}" if {
	some name, _ in rows
	not usage[name]
}

deny contains $"usage: {name} did nothing here" if {
	some name, _ in usage
	not rows[name]
}

deny contains $"usage of {name}: {field} is {usage[name][field]}, the audit log says something else" if {
	some name, one in rows
	some field in ["requests", "answers"]
	usage[name][field] != one[field]
}

incidents[one.drill] := one if some one in input.document.incidents

deny contains $"incidents: drill {drill} is not told" if {
	some drill in {"opa-down", "alias"}
	not incidents[drill]
}

deny contains $"incidents: opa-down: {incidents["opa-down"].control} is not what the refusal was recorded under" if {
	incidents["opa-down"].control != "OPA"
}

deny contains "nobody has moved an alias yet: practicum drill LAB alias" if {
	count([one | some one in input.facts.lifecycle.models; one.moves > 0]) == 0
}
