package lab.quality_test

import data.lab.quality

batch := {"txn_amount_7d": {"row_count": 200, "null_rate": 0, "p50": 250.4}}

test_allowed if quality.allow with input as {"batch": batch}

test_few_rows if {
	few := json.patch(batch, [{"op": "add", "path": "/txn_amount_7d/row_count", "value": 7}])
	not quality.allow with input as {"batch": few}
	found := quality.deny with input as {"batch": few}
	{reason.code | some reason in found} == {"ROWS_MISSING"}
}
