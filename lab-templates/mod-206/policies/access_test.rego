package lab.access_test

import data.lab.access

call := {
	"actor": {"user": "team-a-dev", "tenant": "team-a", "roles": ["developer"]},
	"method": "GET",
	"path": ["v1", "models", "fraud-dev"],
	"resource": {"type": "model", "tenant": "team-a", "labels": {}},
	"purpose": "",
	"recent_calls": 0,
}

features(pii) := [
	{"op": "replace", "path": "/path", "value": ["v1", "features", "fraud_v1"]},
	{"op": "replace", "path": "/resource", "value": {
		"type": "feature",
		"tenant": "shared",
		"labels": {"pii": pii},
	}},
]

say(path, value) := [{"op": "replace", "path": path, "value": value}]

allowed[name] := patch if some name, patch in {
	"own model": [],
	"shared": say("/resource/tenant", "shared"),
	"admin reads across": array.concat(
		say("/actor", {"user": "pa", "tenant": "platform", "roles": ["platform-admin"]}),
		say("/resource/tenant", "team-b"),
	),
	"last call of the minute": say("/recent_calls", 239),
	"features without persons": features("none"),
	"features for a purpose": array.concat(features("indirect"), say("/purpose", "audit")),
	"list of features": array.concat(features("direct"), say("/path", ["v1", "features"])),
	"developer asks for a promotion": array.concat(
		say("/method", "POST"),
		say("/resource/type", "promotion"),
	),
}

denied[name] := expected if some name, expected in {
	"nobody": {"patch": say("/actor/user", ""), "code": "INPUT_INCOMPLETE", "control": "API-1"},
	"no roles": {"patch": say("/actor/roles", []), "code": "INPUT_INCOMPLETE", "control": "API-1"},
	"no owner": {"patch": say("/resource/tenant", ""), "code": "INPUT_INCOMPLETE", "control": "API-1"},
	"no count": {"patch": say("/recent_calls", "0"), "code": "INPUT_INCOMPLETE", "control": "API-1"},
	"negative": {"patch": say("/recent_calls", -1), "code": "INPUT_INCOMPLETE", "control": "API-1"},
	"tenant": {"patch": say("/actor/tenant", "team-x"), "code": "TENANT_UNKNOWN", "control": "API-1"},
	"kind": {"patch": say("/resource/type", "secret"), "code": "RESOURCE_UNKNOWN", "control": "API-1"},
	"foreign": {"patch": say("/resource/tenant", "team-b"), "code": "TENANT_FOREIGN", "control": "API-2"},
	"admin writes": {
		"patch": array.concat(
			say("/actor", {"user": "pa", "tenant": "platform", "roles": ["platform-admin"]}),
			array.concat(say("/method", "POST"), say("/resource/type", "promotion")),
		),
		"code": "TENANT_FOREIGN",
		"control": "API-2",
	},
	"viewer asks": {
		"patch": array.concat(
			say("/actor/roles", ["viewer"]),
			array.concat(say("/method", "POST"), say("/resource/type", "promotion")),
		),
		"code": "ROLE_MISSING",
		"control": "API-3",
	},
	"method": {"patch": say("/method", "DELETE"), "code": "ROLE_MISSING", "control": "API-3"},
	"too often": {"patch": say("/recent_calls", 240), "code": "RATE_EXCEEDED", "control": "API-4"},
	"no purpose": {"patch": features("indirect"), "code": "PURPOSE_MISSING", "control": "API-5"},
	"wrong purpose": {
		"patch": array.concat(features("direct"), say("/purpose", "fraud-detection")),
		"code": "PURPOSE_MISSING",
		"control": "API-5",
	},
	"no class": {"patch": features("secret"), "code": "PII_UNKNOWN", "control": "API-5"},
}

test_allowed[name] if {
	some name, patch in allowed
	access.allow with input as json.patch(call, patch)
}

test_denied[name] if {
	some name, expected in denied
	asked := json.patch(call, expected.patch)
	not access.allow with input as asked
	some reason in access.deny with input as asked
	reason.control == expected.control
	reason.code == expected.code
}

test_nothing_is_known if not access.allow with input as {}

test_unlabelled_features_are_not_read if {
	asked := json.patch(call, [
		{"op": "replace", "path": "/path", "value": ["v1", "features", "x"]},
		{"op": "replace", "path": "/resource", "value": {"type": "feature", "tenant": "shared"}},
	])
	some reason in access.deny with input as asked
	reason.code == "PII_UNKNOWN"
}

test_a_purpose_that_is_left_out_is_none if {
	asked := json.remove(json.patch(call, features("indirect")), ["/purpose"])
	some reason in access.deny with input as asked
	reason.code == "PURPOSE_MISSING"
}

test_purpose_is_recorded if {
	asked := json.patch(call, array.concat(features("indirect"), say("/purpose", "audit")))
	access.obligations == {{"record": "purpose"}} with input as asked
}

test_nothing_to_record if {
	access.obligations == set() with input as call
}
