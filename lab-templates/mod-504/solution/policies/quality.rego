# METADATA
# title: Quality gate of a batch
# description: |
#   Decides whether a day's batch of a feature view may be served. The input has what Feast's
#   monitoring measured of the batch, and of everything so far: the baseline. What is not measured
#   is a reason to refuse.
package lab.quality

default allow := false

allow if count(deny) == 0

# METADATA
# title: A batch that cannot be judged is refused
# labels: {control: QLT-1}
deny contains violation("QLT-1", reason) if some reason in unjudgeable

# METADATA
# title: A batch has as many rows as a day brings
# labels: {control: QLT-2}
deny contains violation("QLT-2", reason) if {
	some feature in measured
	rows := input.batch[feature].row_count
	rows < rules.min_rows
	reason := {"code": "ROWS_MISSING", "msg": $"{feature} has {rows} rows, {rules.min_rows} are needed"}
}

# METADATA
# title: Few values are missing
# labels: {control: QLT-3}
deny contains violation("QLT-3", reason) if {
	some feature in measured
	rate := input.batch[feature].null_rate
	rate > rules.max_null_rate
	reason := {
		"code": "VALUES_MISSING",
		"msg": $"{feature} lacks {rate} of its values, {rules.max_null_rate} may be missing",
	}
}

# METADATA
# title: The median is about where it was
# labels: {control: QLT-4}
deny contains violation("QLT-4", reason) if {
	some feature in measured
	usual := input.baseline[feature].p50
	now := input.batch[feature].p50
	abs(now - usual) > rules.max_shift * abs(usual)
	reason := {"code": "SHIFTED", "msg": $"the median of {feature} is {now}, it was {usual}"}
}

violation(control, reason) := object.union(reason, {"control": control})

rules := data.lab.quality_limits

expected contains feature if some feature, _ in input.baseline

measured contains feature if {
	some feature in expected
	is_number(input.batch[feature].row_count)
	is_number(input.batch[feature].null_rate)
	not lacks_median(feature)
}

# Of a text there is no median, and none is missing.
lacks_median(feature) if {
	is_number(input.baseline[feature].p50)
	not is_number(input.batch[feature].p50)
}

unjudgeable contains {"code": "INPUT_INCOMPLETE", "msg": "the input has no baseline"} if {
	count(expected) == 0
}

unjudgeable contains {"code": "NOT_MEASURED", "msg": $"{feature} is not measured in this batch"} if {
	some feature in (expected - measured)
}

# A rule that lost its limit must not count as met.
unjudgeable contains {"code": "RULES_INCOMPLETE", "msg": $"data.lab.quality_limits lacks {key}"} if {
	some key in ["min_rows", "max_null_rate", "max_shift"]
	not is_number(object.get(rules, key, null))
}
