package lab.features_test

import data.lab.features

# What the platform would send for fraud_v1 of the lab: everything in order.
good := {
	"action": "approve_features",
	"now": "2026-03-10T12:00:00Z",
	"actor": {"user": "ds", "roles": ["data-scientist"]},
	"features": {
		"name": "fraud_v1",
		"project": "lab",
		"owner": "credit-data@example.org",
		"description": "Reviewed features for the fraud model",
		"tags": {"consumer_class": "internal"},
		"views": [{
			"name": "application_behaviour",
			"owner": "credit-data@example.org",
			"description": "What an applicant did before this application",
			"ttl_seconds": 604800,
			"tags": {"freshness_slo": "96h"},
			"monitoring": {
				"max_event_timestamp": "2026-03-10T11:00:00.5+00:00",
				"features": {
					"applications_30d": {"row_count": 2800, "null_rate": 0, "mean": 1.2, "stddev": 1},
					"payment_delay_days": {"row_count": 2800, "null_rate": 0.02, "mean": 4, "stddev": 4},
				},
			},
			"fields": [
				{
					"name": "applications_30d",
					"description": "Applications in the last 30 days",
					"tags": {"pii": "none"},
				},
				{
					"name": "payment_delay_days",
					"description": "Longest delay of a payment",
					"tags": {"pii": "indirect"},
				},
			],
		}],
	},
	"request": {"id": "fraud-v1", "requester": "ds", "state": "Approved"},
	"approvals": [
		{"user": "reviewer-risk", "role": "risk-reviewer", "digest": "aa"},
		{"user": "reviewer-ml", "role": "ml-reviewer", "digest": "aa"},
	],
}

# fraud_v0 of the lab: contact data for a service that anybody inside may use.
contact := {
	"name": "applicant_identity",
	"owner": "credit-data@example.org",
	"description": "Contact data as it was typed in, not reviewed",
	"ttl_seconds": 604800,
	"tags": {"freshness_slo": "24h"},
	"monitoring": {
		"max_event_timestamp": "2026-03-10T11:00:00Z",
		"features": {"email_domain": {"row_count": 2800, "null_rate": 0, "mean": null, "stddev": null}},
	},
	"fields": [{
		"name": "email_domain",
		"description": "What follows the @ in the address",
		"tags": {"pii": "direct"},
	}],
}

changed(path, value) := json.patch(good, [{"op": "add", "path": path, "value": value}])

without(path) := json.remove(good, [path])

asked := object.union(good, {
	"action": "request",
	"request": {"id": "fraud-v1", "requester": "ds", "state": "Draft"},
	"approvals": [],
})

with_contact := changed("/features/views/-", contact)

codes := {reason.code | some reason in features.deny}

controls := {reason.control | some reason in features.deny}

test_allowed[name] if {
	some name, document in {
		"approval": good,
		"request": asked,
		"evidence with its digest": changed("/evidence_digest", "aa"),
		"with personas": changed("/personas", [{"user": "ds", "person": "ada", "simulated": true}]),
		"as fresh as it lives": changed("/features/views/0/tags/freshness_slo", "168h"),
		"as old as it may be": changed("/now", "2026-03-14T11:00:00Z"),
		"measured at the limits": json.patch(good, [
			{"op": "add", "path": row_count, "value": 1000},
			{"op": "add", "path": null_rate, "value": 0.1},
		]),
		"direct data for few": json.patch(with_contact, [{
			"op": "replace",
			"path": "/features/tags/consumer_class",
			"value": "restricted",
		}]),
		"three approvals": changed(
			"/approvals/-",
			{"user": "reviewer-2", "role": "ml-reviewer", "digest": "aa"},
		),
	}
	features.allow with input as document
}

test_contact_data_refused if {
	not features.allow with input as with_contact
	found := features.deny with input as with_contact
	found == {{
		"control": "FGV-2",
		"code": "PII_DIRECT",
		"msg": `field applicant_identity.email_domain is direct personal data, only for consumer_class ["restricted"]`,
	}}
}

view := "/features/views/0"

row_count := concat("", [view, "/monitoring/features/applications_30d/row_count"])

null_rate := concat("", [view, "/monitoring/features/applications_30d/null_rate"])

test_refused_with_code[name] if {
	some name, expected in {
		"no user": [without("/actor/user"), {"INPUT_INCOMPLETE"}],
		"no id": [without("/request/id"), {"INPUT_INCOMPLETE"}],
		"no project": [changed("/features/project", ""), {"INPUT_INCOMPLETE"}],
		"no views": [changed("/features/views", []), {"INPUT_INCOMPLETE"}],
		"views by name": [changed("/features/views", {"a": good.features.views[0]}), {"INPUT_INCOMPLETE"}],
		"views are text": [changed("/features/views", "all"), {"INPUT_INCOMPLETE"}],
		"no fields": [changed(concat("", [view, "/fields"]), []), {"INPUT_INCOMPLETE"}],
		"fields are text": [changed(concat("", [view, "/fields"]), "all"), {"INPUT_INCOMPLETE"}],
		"view without a name": [without(concat("", [view, "/name"])), {"INPUT_INCOMPLETE"}],
		"field without a name": [without(concat("", [view, "/fields/0/name"])), {"INPUT_INCOMPLETE"}],
		"a view that is none": [changed(view, 5), {
			"INPUT_INCOMPLETE",
			"OWNER_MISSING",
			"DESCRIPTION_MISSING",
			"TTL_MISSING",
			"SLO_MISSING",
			"NOT_MEASURED",
		}],
		"a field that is none": [changed(concat("", [view, "/fields/0"]), 5), {
			"INPUT_INCOMPLETE",
			"PII_UNKNOWN",
			"DESCRIPTION_MISSING",
		}],
		"unknown action": [changed("/action", "delete"), {"ACTION_UNKNOWN"}],
		"no time": [changed("/now", "yesterday"), {"TIME_INVALID"}],
		"no owner": [without("/features/owner"), {"OWNER_MISSING"}],
		"owner is a team": [changed("/features/owner", "fraud-team"), {"OWNER_MISSING"}],
		"owner at nowhere": [changed("/features/owner", "me@localhost"), {"OWNER_MISSING"}],
		"owner is a list": [changed("/features/owner", ["a@example.org"]), {"OWNER_MISSING"}],
		"two owners in one": [changed("/features/owner", "a@b.org, c@d.org"), {"OWNER_MISSING"}],
		"view without owner": [changed(concat("", [view, "/owner"]), ""), {"OWNER_MISSING"}],
		"no description": [changed("/features/description", ""), {"DESCRIPTION_MISSING"}],
		"view undescribed": [without(concat("", [view, "/description"])), {"DESCRIPTION_MISSING"}],
		"field undescribed": [
			changed(concat("", [view, "/fields/1/description"]), ""),
			{"DESCRIPTION_MISSING"},
		],
		"no tag pii": [without(concat("", [view, "/fields/0/tags/pii"])), {"PII_UNKNOWN"}],
		"no tags": [without(concat("", [view, "/fields/0/tags"])), {"PII_UNKNOWN"}],
		"pii of its own": [changed(concat("", [view, "/fields/0/tags/pii"]), "some"), {"PII_UNKNOWN"}],
		"direct data for nobody knows whom": [
			json.remove(with_contact, ["/features/tags"]),
			{"PII_DIRECT"},
		],
		"no ttl": [without(concat("", [view, "/ttl_seconds"])), {"TTL_MISSING"}],
		"ttl of nothing": [changed(concat("", [view, "/ttl_seconds"]), 0), {"TTL_MISSING"}],
		"ttl in words": [changed(concat("", [view, "/ttl_seconds"]), "604800"), {"TTL_MISSING"}],
		"no slo": [without(concat("", [view, "/tags/freshness_slo"])), {"SLO_MISSING"}],
		"slo in words": [changed(concat("", [view, "/tags/freshness_slo"]), "daily"), {"SLO_MISSING"}],
		"slo of nothing": [changed(concat("", [view, "/tags/freshness_slo"]), "0s"), {"SLO_MISSING"}],
		"slo above ttl": [changed(concat("", [view, "/ttl_seconds"]), 345599), {"SLO_ABOVE_TTL"}],
		"old values": [changed("/now", "2026-03-14T11:00:01Z"), {"STALE"}],
		"no monitoring": [changed(concat("", [view, "/monitoring"]), null), {"NOT_MEASURED"}],
		"no moment": [
			changed(concat("", [view, "/monitoring/max_event_timestamp"]), ""),
			{"NOT_MEASURED"},
		],
		"a field that is not measured": [
			without(concat("", [view, "/monitoring/features/applications_30d"])),
			{"NOT_MEASURED"},
		],
		"a measure in words": [
			changed(null_rate, null),
			{"NOT_MEASURED"},
		],
		"few rows": [
			changed(row_count, 999),
			{"ROWS_MISSING"},
		],
		"values missing": [
			changed(concat("", [view, "/monitoring/features/payment_delay_days/null_rate"]), 0.11),
			{"VALUES_MISSING"},
		],
		"not approved yet": [changed("/request/state", "AwaitingApproval"), {"STATE_ILLEGAL"}],
		"asked too late": [changed("/action", "request"), {"STATE_ILLEGAL"}],
		"nobody approved": [without("/approvals"), {"APPROVALS_MISSING", "ROLE_MISSING"}],
		"one approval": [changed("/approvals", [good.approvals[0]]), {
			"APPROVALS_MISSING",
			"ROLE_MISSING",
		}],
		"one person twice": [changed("/approvals/1/user", "reviewer-risk"), {"APPROVALS_MISSING"}],
		"two of one role": [changed("/approvals/1/role", "risk-reviewer"), {"ROLE_MISSING"}],
		"an approval of nothing": [without("/approvals/1/digest"), {"APPROVALS_MISSING", "ROLE_MISSING"}],
		"an approval of an empty digest": [
			changed("/approvals/1/digest", ""),
			{"APPROVALS_MISSING", "ROLE_MISSING"},
		],
		"an approval of nobody": [changed("/approvals/1/user", ""), {"APPROVALS_MISSING", "ROLE_MISSING"}],
		"approvals of something else": [
			changed("/evidence_digest", "bb"),
			{"APPROVALS_MISSING", "ROLE_MISSING"},
		],
		"requester approved": [changed("/approvals/1/user", "ds"), {
			"SELF_APPROVAL",
			"APPROVALS_MISSING",
			"ROLE_MISSING",
		}],
		"requester asked and approved": [
			object.union(asked, {"approvals": [{"user": "ds", "role": "ml-reviewer", "digest": "aa"}]}),
			{"SELF_APPROVAL"},
		],
	}
	not features.allow with input as expected[0]
	found := codes with input as expected[0]
	found == expected[1]
}

# Every reason names the control that the registry's documentation names.
test_controls[name] if {
	some name, expected in {
		"owner": [changed("/features/owner", ""), "FGV-1"],
		"personal data": [with_contact, "FGV-2"],
		"description": [changed("/features/description", ""), "FGV-3"],
		"time to live": [without(concat("", [view, "/ttl_seconds"])), "FGV-4"],
		"quality": [changed(row_count, 0), "FGV-5"],
		"approvals": [changed("/approvals", []), "FGV-7"],
		"state": [changed("/request/state", "Draft"), "LCM-1"],
		"input": [changed("/now", ""), "PRM-1"],
	}
	found := controls with input as expected[0]
	found == {expected[1]}
}

test_refused_without_rules[key] if {
	some key, _ in data.lab.feature_approval
	rules := object.remove(data.lab.feature_approval, [key])
	not features.allow with input as good with data.lab.feature_approval as rules
	not features.allow with input as asked with data.lab.feature_approval as rules
}

test_refused_without_any_rules if {
	not features.allow with input as good with data.lab.feature_approval as {}
	not features.allow with input as good with data.lab.feature_approval as null
}

test_nothing_is_refused if {
	not features.allow with input as {}
	not features.allow with input as null
	not features.allow
}

test_reasons_are_complete if {
	reasons := features.deny with input as {}
	count(reasons) > 0
	every reason in reasons {
		object.keys(reason) == {"code", "control", "msg"}
	}
}

test_obligations if {
	found := features.obligations with input as asked
	found == {{"notify": "ml-reviewer"}, {"notify": "risk-reviewer"}}
	after := features.obligations with input as good
	after == {{"notify": "owner"}}
}

test_version if features.policy_version == "features/1"
