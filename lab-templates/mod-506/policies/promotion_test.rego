package lab.promotion_test

import data.lab.promotion

# What the platform would send for candidate v2 of the lab: everything in order.
good := {
	"action": "promote",
	"now": "2026-03-10T12:00:00Z",
	"actor": {"user": "mle", "roles": ["ml-engineer"]},
	"model": {
		"name": "fraud-dev",
		"version": "2",
		"tier": "high",
		"author": "ds",
		"digest": "sha256:aa",
		"approved_before": false,
	},
	"current": {"version": "1", "metrics": {"auc": 0.861, "recall_at_1fpr": 0.52}},
	"evidence": {
		"run_id": "r2",
		"age_days": 3,
		"digest": "sha256:aa",
		"git_commit": "c0ffee",
		"dataset_digest": "d1",
		"metrics": {
			"auc": 0.874,
			"recall_at_1fpr": 0.55,
			"ece": 0.027,
			"slice_auc_min": 0.83,
			"bias_gap": 0.028,
		},
	},
	"lineage": {"feature_service": "fraud_v1", "features_approved": true, "freshness_ok": true},
	"request": {"id": "7", "requester": "ds", "state": "Approved"},
	"approvals": [
		{"user": "reviewer-risk", "role": "risk-reviewer", "digest": "sha256:aa"},
		{"user": "reviewer-ml", "role": "ml-reviewer", "digest": "sha256:aa"},
	],
	"break_glass": null,
}

changed(path, value) := json.patch(good, [{"op": "add", "path": path, "value": value}])

without(path) := json.remove(good, [path])

with_action(action, state, user, role) := object.union(good, {
	"action": action,
	"actor": {"user": user, "roles": [role]},
	"request": {"id": "7", "requester": "ds", "state": state},
})

rollback := object.union(
	with_action("rollback", "Requested", "oncall", "on-call"),
	{"model": object.union(good.model, {"version": "1", "approved_before": true})},
)

glass := {
	"ticket": "INC-4711",
	"opened_at": "2026-03-10T11:00:00Z",
	"closes_at": "2026-03-10T15:00:00Z",
}

urgent(document) := object.union(good, {
	"actor": {"user": "oncall", "roles": ["on-call"]},
	"approvals": [],
	"break_glass": document,
})

codes := {reason.code | some reason in promotion.deny}

test_allowed[name] if {
	some name, document in {
		"promotion": good,
		"first promotion": changed("/current", null),
		"request": with_action("request", "Draft", "ds", "data-scientist"),
		"approval": with_action("approve", "AwaitingApproval", "reviewer-ml", "ml-reviewer"),
		"rollback": rollback,
		"rollback in a freeze": object.union(rollback, {"now": "2026-12-25T12:00:00Z"}),
		"broken glass": urgent(glass),
		"broken glass in a freeze": object.union(
			urgent(object.union(glass, {
				"opened_at": "2026-12-25T11:00:00Z",
				"closes_at": "2026-12-25T12:30:00Z",
			})),
			{"now": "2026-12-25T12:00:00Z"},
		),
		"exactly at every limit": object.union(good, {"evidence": object.union(good.evidence, {
			"age_days": 30,
			"metrics": {
				"auc": 0.861,
				"recall_at_1fpr": 0.52,
				"ece": 0.05,
				"slice_auc_min": 0.75,
				"bias_gap": 0.05,
			},
		})}),
		"the day before a freeze": changed("/now", "2026-12-23T23:59:59Z"),
		"the day after a freeze": changed("/now", "2027-01-02T00:00:00Z"),
	}
	promotion.allow with input as document
}

# The candidates of the lab: each flaw has its own control.
test_candidate_refused[name] if {
	some name, expected in {
		"v3": {"path": "/evidence/metrics/bias_gap", "value": 0.12, "control": "PRM-4"},
		"v4": {"path": "/lineage", "value": {"feature_service": "fraud_v0"}, "control": "PRM-7"},
		"v5": {"path": "/evidence/digest", "value": "sha256:bb", "control": "PRM-6"},
		"v6": {"path": "/evidence/age_days", "value": 40, "control": "PRM-5"},
	}
	document := changed(expected.path, expected.value)
	not promotion.allow with input as document
	controls := {reason.control | some reason in promotion.deny} with input as document
	controls == {expected.control}
}

test_refused_with_code[name] if {
	some name, expected in {
		"no user": [without("/actor/user"), {"INPUT_INCOMPLETE"}],
		"no requester": [
			without("/request/requester"),
			{"INPUT_INCOMPLETE", "APPROVALS_MISSING", "ROLE_MISSING"},
		],
		"empty name": [changed("/model/name", ""), {"INPUT_INCOMPLETE"}],
		"nothing said about current": [without("/current"), {"INPUT_INCOMPLETE"}],
		"unknown action": [changed("/action", "delete"), {"ACTION_UNKNOWN"}],
		"unknown tier": [changed("/model/tier", "none"), {"TIER_UNKNOWN"}],
		"no time": [changed("/now", "yesterday"), {"TIME_INVALID"}],
		"low auc": [changed("/evidence/metrics/recall_at_1fpr", 0.44), {
			"METRIC_TOO_LOW",
			"REGRESSION",
		}],
		"high ece": [changed("/evidence/metrics/ece", 0.051), {"METRIC_TOO_HIGH"}],
		"no ece": [without("/evidence/metrics/ece"), {"METRIC_TOO_HIGH"}],
		"text for a number": [changed("/evidence/metrics/ece", "0.01"), {"METRIC_TOO_HIGH"}],
		"no slice": [without("/evidence/metrics/slice_auc_min"), {"METRIC_TOO_LOW"}],
		"worse than the champion": [changed("/current/metrics/auc", 0.8795), {"REGRESSION"}],
		"champion without metrics": [without("/current/metrics/auc"), {"REGRESSION"}],
		"no age": [without("/evidence/age_days"), {"EVIDENCE_STALE"}],
		"from the future": [changed("/evidence/age_days", -1), {"EVIDENCE_STALE"}],
		"no digest at all": [
			json.remove(good, ["/model/digest", "/evidence/digest"]),
			{"DIGEST_MISMATCH", "APPROVALS_MISSING", "ROLE_MISSING"},
		],
		"no commit": [without("/evidence/git_commit"), {"LINEAGE_INCOMPLETE"}],
		"empty run": [changed("/evidence/run_id", ""), {"LINEAGE_INCOMPLETE"}],
		"approved is a word": [changed("/lineage/features_approved", "yes"), {"FEATURES_UNAPPROVED"}],
		"old features": [changed("/lineage/freshness_ok", false), {"FEATURES_STALE"}],
		"features that nobody measures": [changed("/lineage/freshness_ok", null), {"FEATURES_STALE"}],
		"nothing said of freshness": [without("/lineage/freshness_ok"), {"FEATURES_STALE"}],
		"requester approved": [changed("/request/requester", "reviewer-ml"), {
			"SELF_APPROVAL",
			"APPROVALS_MISSING",
			"ROLE_MISSING",
		}],
		"author approved": [changed("/model/author", "reviewer-ml"), {
			"AUTHOR_APPROVAL",
			"APPROVALS_MISSING",
			"ROLE_MISSING",
		}],
		"one approval": [changed("/approvals", [good.approvals[0]]), {
			"APPROVALS_MISSING",
			"ROLE_MISSING",
		}],
		"one person twice": [changed("/approvals/1/user", "reviewer-risk"), {"APPROVALS_MISSING"}],
		"two of one role": [changed("/approvals/1/role", "risk-reviewer"), {"ROLE_MISSING"}],
		"approval of another digest": [changed("/approvals/1/digest", "sha256:cc"), {
			"APPROVALS_MISSING",
			"ROLE_MISSING",
		}],
		"not approved yet": [changed("/request/state", "AwaitingApproval"), {"STATE_ILLEGAL"}],
		"freeze begins": [changed("/now", "2026-12-24T00:00:00Z"), {"FROZEN"}],
		"freeze ends": [changed("/now", "2027-01-01T23:59:59Z"), {"FROZEN"}],
		"own request approved": [
			with_action("approve", "Requested", "ds", "ml-reviewer"),
			{"SELF_APPROVAL", "AUTHOR_APPROVAL"},
		],
		"approved by on-call": [
			with_action("approve", "Requested", "oncall", "on-call"),
			{"ROLE_WRONG"},
		],
		"rollback by ds": [
			object.union(rollback, {"actor": {"user": "ds", "roles": ["data-scientist"]}}),
			{"ROLLBACK_ROLE"},
		],
		"rollback to a version never approved": [
			object.union(rollback, {"model": good.model}),
			{"NEVER_APPROVED"},
		],
		"glass without ticket": [urgent(object.remove(glass, ["ticket"])), {
			"BREAK_GLASS_INVALID",
			"APPROVALS_MISSING",
			"ROLE_MISSING",
		}],
		"glass for a day": [
			urgent(object.union(glass, {"closes_at": "2026-03-11T11:00:00Z"})),
			{"BREAK_GLASS_INVALID", "APPROVALS_MISSING", "ROLE_MISSING"},
		],
		"glass that closed": [
			urgent(object.union(glass, {"closes_at": "2026-03-10T12:00:00Z"})),
			{"BREAK_GLASS_INVALID", "APPROVALS_MISSING", "ROLE_MISSING"},
		],
		"glass of a data scientist": [
			object.union(urgent(glass), {"actor": {"user": "ds", "roles": ["data-scientist"]}}),
			{"BREAK_GLASS_INVALID", "APPROVALS_MISSING", "ROLE_MISSING"},
		],
		"glass lifts no evidence": [
			object.union(urgent(glass), {"lineage": {"features_approved": false}}),
			{"FEATURES_UNAPPROVED"},
		],
		"glass for a rollback": [object.union(rollback, {"break_glass": glass}), {"BREAK_GLASS_INVALID"}],
	}
	not promotion.allow with input as expected[0]
	found := codes with input as expected[0]
	found == expected[1]
}

test_freeze_within_one_year[day] if {
	some day, expected in {
		"2026-06-14": set(),
		"2026-06-15": {"FROZEN"},
		"2026-06-16": {"FROZEN"},
		"2026-06-17": set(),
	}
	document := changed("/now", sprintf("%sT12:00:00Z", [day]))
	window := [{"name": "audit", "from": "06-15", "until": "06-16"}]
	found := codes with input as document with data.lab.freeze_calendar as window
	found == expected
}

test_refused_without_data[name] if {
	some name, expected in {
		"approvals": "TIER_INCOMPLETE",
		"quality": "TIER_INCOMPLETE",
		"fairness": "TIER_INCOMPLETE",
		"regression": "TIER_INCOMPLETE",
	}
	tier := object.remove(data.lab.approval_matrix.high, [name])
	found := codes with input as good with data.lab.approval_matrix as {"high": tier}
	expected in found
}

test_refused_without_calendar if {
	found := codes with input as good with data.lab.freeze_calendar as false
	"CALENDAR_UNKNOWN" in found
}

test_nothing_is_refused if {
	not promotion.allow with input as {}
	not promotion.allow with input as null
	not promotion.allow
}

test_reasons_are_complete if {
	reasons := promotion.deny with input as {}
	count(reasons) > 0
	every reason in reasons {
		object.keys(reason) == {"code", "control", "msg"}
	}
}

test_obligations[name] if {
	some name, expected in {
		"request": [
			with_action("request", "Draft", "ds", "data-scientist"),
			{{"notify": "ml-reviewer"}, {"notify": "risk-reviewer"}},
		],
		"promotion": [good, {{"notify": "owner"}}],
		"rollback": [rollback, {{"notify": "owner"}, {"record": "incident"}}],
		"broken glass": [urgent(glass), {{"notify": "owner"}, {"review_within_hours": 48}}],
	}
	found := promotion.obligations with input as expected[0]
	found == expected[1]
}

# Every tier decides every action, so that no gap in the matrix is left to chance.
test_matrix_is_total[tier] if {
	some tier, _ in data.lab.approval_matrix
	every action in ["request", "approve", "promote", "rollback"] {
		state := data.lab.states[action][0]
		document := object.union(
			with_action(action, state, "reviewer-ml", "ml-reviewer"),
			{"model": object.union(good.model, {"tier": tier})},
		)
		found := codes with input as document
		count(found & {"TIER_UNKNOWN", "TIER_INCOMPLETE", "ACTION_UNKNOWN"}) == 0
	}
}

test_version if promotion.policy_version == "promotion/1"
