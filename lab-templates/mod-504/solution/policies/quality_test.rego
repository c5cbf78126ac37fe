package lab.quality_test

import data.lab.quality

# A day like others, as Feast measured it.
good := {
	"view": "customer_txn",
	"day": "2026-02-27",
	"baseline": {
		"txn_amount_7d": {"row_count": 2813, "null_rate": 0.0142, "p50": 244.65},
		"country": {"row_count": 2813, "null_rate": 0, "p50": null},
	},
	"batch": {
		"txn_amount_7d": {"row_count": 200, "null_rate": 0, "p50": 250.4},
		"country": {"row_count": 200, "null_rate": 0, "p50": null},
	},
}

changed(path, value) := json.patch(good, [{"op": "add", "path": path, "value": value}])

without(path) := json.remove(good, [path])

codes := {reason.code | some reason in quality.deny}

controls := {reason.control | some reason in quality.deny}

test_allowed[name] if {
	some name, batch in {
		"a day like others": good,
		"as few rows as may be": changed("/batch/txn_amount_7d/row_count", 100),
		"as many gaps as may be": changed("/batch/txn_amount_7d/null_rate", 0.05),
		"nearly as high as may be": changed("/batch/txn_amount_7d/p50", 305.8),
		"nearly as low as may be": changed("/batch/txn_amount_7d/p50", 183.5),
		"a feature that is new": changed("/batch/email", {"row_count": 1, "null_rate": 1, "p50": null}),
	}
	quality.allow with input as batch
}

test_refused[name] if {
	some name, expected in {
		"few rows": [changed("/batch/country/row_count", 99), {"ROWS_MISSING"}],
		"gaps": [changed("/batch/txn_amount_7d/null_rate", 0.06), {"VALUES_MISSING"}],
		"gaps in a text": [changed("/batch/country/null_rate", 0.2), {"VALUES_MISSING"}],
		"too high": [changed("/batch/txn_amount_7d/p50", 306), {"SHIFTED"}],
		"too low": [changed("/batch/txn_amount_7d/p50", 183), {"SHIFTED"}],
		"two reasons": [
			json.patch(good, [
				{"op": "add", "path": "/batch/txn_amount_7d/row_count", "value": 10},
				{"op": "add", "path": "/batch/txn_amount_7d/null_rate", "value": 0.5},
			]),
			{"ROWS_MISSING", "VALUES_MISSING"},
		],
		"a feature is gone": [without("/batch/txn_amount_7d"), {"NOT_MEASURED"}],
		"rows are not counted": [without("/batch/country/row_count"), {"NOT_MEASURED"}],
		"gaps in words": [changed("/batch/country/null_rate", "none"), {"NOT_MEASURED"}],
		"no median any more": [changed("/batch/txn_amount_7d/p50", null), {"NOT_MEASURED"}],
		"no batch": [without("/batch"), {"NOT_MEASURED"}],
		"no baseline": [without("/baseline"), {"INPUT_INCOMPLETE"}],
		"an empty baseline": [changed("/baseline", {}), {"INPUT_INCOMPLETE"}],
		"nothing": [{}, {"INPUT_INCOMPLETE"}],
	}
	not quality.allow with input as expected[0]
	found := codes with input as expected[0]
	found == expected[1]
}

test_controls[name] if {
	some name, expected in {
		"rows": [changed("/batch/country/row_count", 0), "QLT-2"],
		"values": [changed("/batch/country/null_rate", 1), "QLT-3"],
		"median": [changed("/batch/txn_amount_7d/p50", 1000), "QLT-4"],
		"input": [{}, "QLT-1"],
	}
	found := controls with input as expected[0]
	found == {expected[1]}
}

test_refused_without_a_limit[key] if {
	some key, _ in data.lab.quality_limits
	rules := object.remove(data.lab.quality_limits, [key])
	not quality.allow with input as good with data.lab.quality_limits as rules
}

test_refused_without_limits if not quality.allow with input as good with data.lab.quality_limits as {}
