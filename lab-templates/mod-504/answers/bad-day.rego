package lab.docs

days[row.metric_date] := row if some row in input.facts.days.body

deny contains $"{count(days)} days of txn_amount_7d are measured, 14 are needed: feast monitor run -g daily" if {
	count(days) < 14
}

worst := max([row.null_rate | some _, row in days])

said := days[input.document.day]

deny contains $"nobody has measured {input.document.day}" if {
	count(days) > 0
	not said
}

deny contains $"there is a day on which more is missing than on {input.document.day}" if said.null_rate < worst

deny contains $"{field} of {input.document.day} was measured otherwise" if {
	some field in ["row_count", "null_count", "null_rate"]
	abs(said[field] - input.document[field]) > 0.001
}

baseline := [row.null_rate |
	some row in input.facts.baseline.body
	row.feature_name == "txn_amount_7d"
]

deny contains "txn_amount_7d has no baseline yet" if count(baseline) == 0

deny contains "baseline_null_rate is not what the baseline says" if {
	abs(baseline[0] - input.document.baseline_null_rate) > 0.001
}

deny contains "verdict: with these figures the gate does not let the batch pass" if input.document.verdict != "refused"

deny contains "control: another one of the gate's controls refuses it" if input.document.control != "QLT-3"
