# What learners start from is tested beyond the two tests that they are given.
package lab.tenancy_start_test

import data.lab.tenancy
import data.lab.tenancy_test.config_map
import data.lab.tenancy_test.labels

deployment := {"request": object.union(config_map(labels).request, {
	"kind": {"kind": "Deployment"},
	"object": {"metadata": {"labels": labels}, "spec": {"template": {"metadata": {"labels": null}}}},
})}

test_refused[name] if {
	some name, case in {
		"nothing": [{}, "INPUT_INCOMPLETE"],
		"no object": [json.remove(config_map(labels), ["/request/object"]), "INPUT_INCOMPLETE"],
		"an unknown operation": [
			json.patch(config_map(labels), [{"op": "add", "path": "/request/operation", "value": "GET"}]),
			"OPERATION_UNKNOWN",
		],
		"labels of the template": [deployment, "LABEL_MISSING"],
		"somebody else's": [config_map(object.union(labels, {"tenant": "team-b"})), "LABEL_WRONG"],
	}
	reasons := tenancy.deny with input as case[0]
		with data.lab.required_labels as ["owner"]
		with data.lab.tenants as {"team-a": {"namespaces": ["team-a"]}}
	case[1] in {one.code | some one in reasons}
}
