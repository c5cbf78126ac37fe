package lab.promotion_test

import data.lab.promotion

seal := "sha256:ab"

risk := {"user": "reviewer-risk", "role": "risk-reviewer", "digest": seal}

ml := {"user": "reviewer-ml", "role": "ml-reviewer", "digest": seal}

metrics := {
	"auc": 0.874,
	"recall_at_1fpr": 0.55,
	"ece": 0.027,
	"slice_auc_min": 0.83,
	"bias_gap": 0.028,
}

good := {
	"action": "promote",
	"now": "2026-03-10T12:00:00Z",
	"actor": {"user": "ds", "roles": ["data-scientist"]},
	"model": {
		"name": "fraud-dev",
		"version": "2",
		"tier": "high",
		"author": "ds",
		"digest": seal,
		"approved_before": false,
	},
	"current": {"version": "1", "metrics": {"auc": 0.861, "recall_at_1fpr": 0.52}},
	"evidence": {
		"run_id": "r",
		"age_days": 3,
		"digest": seal,
		"git_commit": "c",
		"dataset_digest": "d",
		"metrics": metrics,
	},
	"lineage": {"feature_service": "fraud_v1", "features_approved": true, "freshness_ok": true},
	"request": {"id": "1", "requester": "ds", "state": "Approved"},
	"approvals": [risk, ml],
	"break_glass": null,
}

put(path, value) := json.patch(good, [{"op": "add", "path": path, "value": value}])

controls(question) := {one.control | some one in promotion.deny with input as question}

test_two_people_of_two_roles_are_enough if promotion.allow with input as good

test_evidence_of_the_last_day_is_recent if promotion.allow with input as put("/evidence/age_days", 30)

test_evidence_grows_old[days] if {
	some days in [30.5, 31, 40, 730]
	not promotion.allow with input as put("/evidence/age_days", days)
	controls(put("/evidence/age_days", days)) == {"PRM-5"}
}

test_a_metric_falls_short[path] if {
	some path, expected in {
		"/evidence/metrics/auc": ["PRM-2", 0.79],
		"/evidence/metrics/ece": ["PRM-2", 0.2],
		"/evidence/metrics/bias_gap": ["PRM-4", 0.12],
		"/current/metrics/auc": ["PRM-3", 0.95],
	}
	expected[0] in controls(put(path, expected[1]))
}

test_what_was_evaluated_is_what_is_promoted if {
	"PRM-6" in controls(put("/evidence/digest", "sha256:cd"))
}

test_features_have_to_be_approved if "PRM-7" in controls(put("/lineage/features_approved", false))

test_one_approval_is_not_enough if "SOD-2" in controls(put("/approvals", [risk]))

test_two_people_of_one_role_are_not_enough if {
	"SOD-2" in controls(put("/approvals", [risk, object.union(ml, {"role": "risk-reviewer"})]))
}

test_who_asked_does_not_approve[name] if {
	some name in ["ds", "DS", "Ds"]
	asked := put("/approvals", [risk, ml, {"user": name, "role": "data-scientist", "digest": seal}])
	not promotion.allow with input as asked
}

test_who_made_it_does_not_approve[name] if {
	some name in ["reviewer-ml", "Reviewer-ML"]
	not promotion.allow with input as put("/model/author", name)
}

test_nothing_goes_forward_in_a_freeze if "LCM-2" in controls(put("/now", "2026-12-28T12:00:00Z"))

test_nothing_at_all_is_refused if not promotion.allow with input as {}
