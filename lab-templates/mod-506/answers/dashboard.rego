package lab.docs

rows := [one | some one in input.facts.lifecycle.models; one.name == "fraud"]

deny contains "no change of fraud is on record yet" if count(rows) == 0

deny contains $"{field} is {input.document[field]}, the audit log says something else" if {
	some field in ["requests", "executed", "refused", "rollbacks"]
	rows[0][field] != input.document[field]
}

medians := {"lead_time_median_seconds": "leadTime", "approval_median_seconds": "approval"}

deny contains $"{field}: no request of fraud has come so far yet" if {
	some field, name in medians
	count(rows) > 0
	not is_number(object.get(rows[0], [name, "median"], null))
}

# Moments are told in whole seconds, and a status is written a little after its record.
deny contains $"{field} is {input.document[field]}, the audit log says something else" if {
	some field, name in medians
	abs(rows[0][name].median - input.document[field]) > 3
}

people[one.name] := one if some one in input.facts.lifecycle.personas

usage[one.persona] := one if some one in input.document.usage

deny contains $"usage says nothing of {name}" if {
	some name, _ in people
	not usage[name]
}

deny contains $"usage: {name} did nothing here" if {
	some name, _ in usage
	not people[name]
}

deny contains $"usage of {name}: {field} is {usage[name][field]}, the audit log says something else" if {
	some name, one in people
	some field in ["requests", "answers"]
	usage[name][field] != one[field]
}
