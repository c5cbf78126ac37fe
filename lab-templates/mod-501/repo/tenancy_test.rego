package lab.tenancy_test

import data.lab.tenancy

labels := {"tenant": "team-a", "owner": "churn-team", "cost-center": "CC-101", "env": "prod"}

config_map(of) := {"request": {
	"operation": "CREATE",
	"userInfo": {"username": "ada", "groups": [], "tenant": "team-a"},
	"namespace": "team-a",
	"kind": {"kind": "ConfigMap"},
	"object": {"metadata": {"name": "settings", "labels": of}},
}}

test_labelled_is_allowed if tenancy.allow with input as config_map(labels)

test_without_owner_is_refused if {
	question := config_map(object.remove(labels, ["owner"]))
	not tenancy.allow with input as question with data.lab.required_labels as ["owner"]
	reasons := tenancy.deny with input as question with data.lab.required_labels as ["owner"]
	"LABEL_MISSING" in {one.code | some one in reasons}
}
