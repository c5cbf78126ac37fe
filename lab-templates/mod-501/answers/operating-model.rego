package lab.docs

texts := input.facts.docs[0].data

catalog := yaml.unmarshal(texts["service-catalog.yaml"])

known[one.name] := one if some one in catalog.services

rows[one.service] := one if some one in input.document.services

roles := {one.name | some one in input.document.roles}

support := input.document.support

steps := [one.within_minutes | some one in input.document.escalation]

deny contains "service-catalog.yaml is not there yet, or is no YAML: write it first" if not catalog.services

deny contains $"service {name} of the catalog has no row" if {
	some name, _ in known
	not rows[name]
}

deny contains $"{name} has a row and is not in the catalog" if {
	some name, _ in rows
	catalog.services
	not known[name]
}

deny contains $"service {name} has more than one row: accountable is one" if {
	some name, _ in rows
	count([one | some one in input.document.services; one.service == name]) > 1
}

deny contains $"{name}: {part} is {one[part]}, which is no role of this document" if {
	some name, one in rows
	some part in ["responsible", "accountable"]
	not one[part] in roles
}

deny contains $"{name}: {user} uses it, and is neither consulted nor informed" if {
	some name, one in rows
	some user in known[name].users
	not user in array.concat(one.consulted, one.informed)
}

deny contains $"support: {what} of {better} has to be below that of {worse}" if {
	some pair in [["gold", "silver"], ["silver", "bronze"]]
	[better, worse] := pair
	some what in ["response_minutes", "restore_minutes"]
	support[better][what] >= support[worse][what]
}

deny contains $"support {tier}: it is restored before anybody answers" if {
	some tier, one in support
	one.restore_minutes < one.response_minutes
}

deny contains "escalation: tiers are 1, 2, 3 and so on, each with more minutes than the one before" if {
	[one.tier | some one in input.document.escalation] != numbers.range(1, count(steps))
}

deny contains "escalation: tiers are 1, 2, 3 and so on, each with more minutes than the one before" if {
	some at, minutes in steps
	minutes <= steps[at - 1]
}

deny contains $"escalation: the first step comes after {steps[0]} minutes, gold support promises {support.gold.response_minutes}" if {
	steps[0] > support.gold.response_minutes
}

deny contains $"escalation: {one.who} is no role of this document" if {
	some one in input.document.escalation
	not one.who in roles
}
