package lab.identity_test

import data.lab.promotion

organisation := {
	"people": {
		"ds": {"roles": ["data-scientist"]},
		"reviewer-risk": {"roles": ["risk-reviewer"]},
		"reviewer-ml": {"roles": ["ml-reviewer"]},
	},
	"delegations": [
		{"from": "mle", "to": "reviewer-risk", "until": "2026-06-01T00:00:00Z"},
		{"from": "trainer", "to": "reviewer-ml", "until": "some day"},
	],
}

risk := {"user": "reviewer-risk", "role": "risk-reviewer"}

ml := {"user": "reviewer-ml", "role": "ml-reviewer"}

asked(requester, author, approvals) := {
	"now": "2026-03-10T12:00:00Z",
	"model": {"author": author},
	"request": {"requester": requester},
	"approvals": approvals,
}

said(question) := {one.code |
	some one in promotion.deny with input as question
		with data.lab.people as organisation.people
		with data.lab.delegations as organisation.delegations
	one.control in {"SOD-4", "SOD-5", "ORG-1"}
}

test_codes[name] if {
	some name, [question, codes] in {
		"two others": [asked("ds", "ds", [risk, ml]), set()],
		"nobody yet": [asked("ds", "ds", []), set()],
		"the requester": [
			asked("ds", "other", [{"user": "ds", "role": "data-scientist"}]),
			{"SAME_PERSON"},
		],
		"the requester, shouting": [
			asked("ds", "other", [{"user": "DS", "role": "data-scientist"}]),
			{"SAME_PERSON"},
		],
		"the author, in capitals": [asked("ds", "Reviewer-ML", [risk, ml]), {"SAME_PERSON"}],
		"one person twice": [
			asked("ds", "ds", [ml, {"user": "Reviewer-ml", "role": "ml-reviewer"}]),
			{"COUNTED_TWICE"},
		],
		"one record twice": [asked("ds", "ds", [ml, ml]), {"COUNTED_TWICE"}],
		"a stand-in of the requester": [asked("mle", "ds", [risk]), {"DELEGATE_APPROVAL"}],
		"a stand-in of the author": [asked("ds", "MLE", [risk]), {"DELEGATE_APPROVAL"}],
		"a stand-in whose end nobody can read": [
			asked("trainer", "ds", [ml]),
			{"DELEGATE_APPROVAL"},
		],
		"a stand-in no more": [
			object.union(asked("mle", "ds", [risk]), {"now": "2026-06-01T00:00:00Z"}),
			set(),
		],
		"a role of somebody else": [
			asked("ds", "ds", [{"user": "reviewer-ml", "role": "risk-reviewer"}]),
			{"ROLE_NOT_GIVEN"},
		],
		"a stranger": [
			asked("ds", "ds", [{"user": "guest", "role": "ml-reviewer"}]),
			{"ROLE_NOT_GIVEN"},
		],
		"an approval without a name": [
			asked("ds", "ds", [{"role": "ml-reviewer"}]),
			{"ROLE_NOT_GIVEN"},
		],
	}
	said(question) == codes
}
