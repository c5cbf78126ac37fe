package lab.docs

rows := [one | some one in input.facts.lifecycle.models; one.name == "fraud"]

deny contains "no change of fraud is on record yet" if count(rows) == 0

deny contains $"{field} is {input.document[field]}, the audit log says {rows[0][field]}" if {
	some field in ["requests", "executed", "refused", "rollbacks"]
	rows[0][field] != input.document[field]
}

deny contains $"{field} is {input.document[field]}, the audit log says {rows[0][name].median}" if {
	some field, name in {"lead_time_median_seconds": "leadTime", "approval_median_seconds": "approval"}
	abs(rows[0][name].median - input.document[field]) > 1
}
