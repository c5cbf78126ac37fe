# METADATA
# title: Quality gate of a batch
# description: |
#   Decides whether a day's batch of a feature view may be served. A first draft: it counts rows,
#   and lets everything else pass.
package lab.quality

default allow := false

allow if count(deny) == 0

# METADATA
# title: A batch has as many rows as a day brings
# labels: {control: QLT-2}
deny contains reason if {
	some feature, found in input.batch
	found.row_count < data.lab.quality_limits.min_rows
	reason := {
		"control": "QLT-2",
		"code": "ROWS_MISSING",
		"msg": $"{feature} has {found.row_count} rows",
	}
}
