package lab.release_test

import data.lab.release

good := {
	"action": "release_policy",
	"now": "2026-03-10T12:00:00Z",
	"actor": {"user": "mle", "roles": ["ml-engineer"]},
	"request": {"id": "9", "requester": "mle", "state": "Approved"},
	"approvals": [{"user": "reviewer-risk", "role": "risk-reviewer", "digest": "aa"}],
	"evidence_digest": "aa",
	"policy": {"revision": "stricter", "digest": "cc", "vetted": true, "files": []},
	"current": {"revision": "template"},
}

changed(path, value) := json.patch(good, [{"op": "add", "path": path, "value": value}])

without(path) := json.remove(good, [path])

draft := object.union(good, {
	"action": "request",
	"approvals": [],
	"request": {"id": "9", "requester": "mle", "state": "Draft"},
})

codes := {reason.code | some reason in release.deny}

test_allowed[name] if {
	some name, document in {
		"release": good,
		"request": draft,
		"two approvals": changed(
			"/approvals/1",
			{"user": "reviewer-ml", "role": "ml-reviewer", "digest": "aa"},
		),
	}
	release.allow with input as document
}

test_refused_with_code[name] if {
	some name, expected in {
		"no user": [without("/actor/user"), {"INPUT_INCOMPLETE"}],
		"no revision": [without("/policy/revision"), {"INPUT_INCOMPLETE"}],
		"nothing said about current": [without("/current"), {"INPUT_INCOMPLETE"}],
		"no digest seen": [
			without("/evidence_digest"),
			{"INPUT_INCOMPLETE", "APPROVALS_MISSING", "ROLE_MISSING"},
		],
		"unknown action": [changed("/action", "promote"), {"ACTION_UNKNOWN"}],
		"nobody approved": [changed("/approvals", []), {"APPROVALS_MISSING", "ROLE_MISSING"}],
		"somebody without a name": [
			without("/approvals/0/user"),
			{"APPROVALS_MISSING", "ROLE_MISSING"},
		],
		"other files approved": [
			changed("/approvals/0/digest", "bb"),
			{"APPROVALS_MISSING", "ROLE_MISSING"},
		],
		"wrong role": [changed("/approvals/0/role", "ml-reviewer"), {"ROLE_MISSING"}],
		"own approval": [
			changed("/request/requester", "reviewer-risk"),
			{"SELF_APPROVAL", "APPROVALS_MISSING", "ROLE_MISSING"},
		],
		"not vetted": [changed("/policy/vetted", false), {"NOT_VETTED"}],
		"nothing said of vetting": [without("/policy/vetted"), {"NOT_VETTED"}],
		"vetted is a word": [changed("/policy/vetted", "yes"), {"NOT_VETTED"}],
		"running already": [changed("/current/revision", "stricter"), {"RUNNING_ALREADY"}],
		"too early": [changed("/request/state", "AwaitingApproval"), {"STATE_ILLEGAL"}],
		"draft is approved": [
			object.union(draft, {"request": object.union(draft.request, {"state": "Approved"})}),
			{"STATE_ILLEGAL"},
		],
	}
	not release.allow with input as expected[0]
	found := codes with input as expected[0]
	found == expected[1]
}

test_nothing_is_refused if {
	not release.allow with input as {}
	not release.allow with input as null
	not release.allow
}

test_reasons_are_complete if {
	reasons := release.deny with input as {}
	count(reasons) > 0
	every reason in reasons {
		object.keys(reason) == {"code", "control", "msg"}
	}
}

test_obligations[name] if {
	some name, expected in {
		"request": [draft, {{"notify": "risk-reviewer"}}],
		"release": [good, {{"notify": "owner"}}],
	}
	found := release.obligations with input as expected[0]
	found == expected[1]
}

test_version if release.policy_version == "release/1"
