# METADATA
# title: Tenancy
# description: |
#   Decides whether a tenant may have an object, from what an admission webhook would be sent. Who
#   the tenants are and what they were promised is data (data.lab). TEN-0 and TEN-1 are written;
#   TEN-2 to TEN-8 are yours.
package lab.tenancy

policy_version := "tenancy/0"

default allow := false

# Without an input there is no reason to refuse either.
allow if {
	is_object(request)
	count(deny) == 0
}

# METADATA
# title: A request that cannot be judged is refused
# labels: {control: TEN-0}
deny contains violation("TEN-0", reason) if some reason in unjudgeable

# METADATA
# title: Whatever a tenant has says whose it is and who pays
# labels: {control: TEN-1}
deny contains violation("TEN-1", reason) if {
	writes
	some reason in label_problems
}

violation(control, reason) := object.union(reason, {"control": control})

request := input.request

kind := request.kind.kind

# What is null or not there must not count as nothing to look at.
object_asked := mapping(object.get(input, ["request", "object"], {}))

writes if request.operation in {"CREATE", "UPDATE"}

# Whose the namespace is.
tenant := name if {
	some name, one in data.lab.tenants
	request.namespace in one.namespaces
}

# TEN-0

unjudgeable contains {"code": "INPUT_INCOMPLETE", "msg": $"the input lacks request.{field}"} if {
	some field in {"operation", "namespace", "kind.kind", "userInfo.username"}
	object.get(input, array.concat(["request"], split(field, ".")), null) in {null, ""}
}

unjudgeable contains {"code": "OPERATION_UNKNOWN", "msg": msg} if {
	not request.operation in {"CREATE", "UPDATE", "DELETE"}
	msg := $"there is no operation {object.get(input, ["request", "operation"], "at all")}"
}

unjudgeable contains {"code": "INPUT_INCOMPLETE", "msg": "the input lacks request.object"} if {
	writes
	not is_object(object.get(object_asked, "metadata", null))
}

# TEN-1

# Where a kind has its pods; TEN-2 to TEN-5 look there.
pod_paths := {
	"Pod": ["spec"],
	"Deployment": ["spec", "template", "spec"],
	"StatefulSet": ["spec", "template", "spec"],
	"DaemonSet": ["spec", "template", "spec"],
	"Job": ["spec", "template", "spec"],
	"CronJob": ["spec", "jobTemplate", "spec", "template", "spec"],
}

label_sets["metadata.labels"] := mapping(object.get(object_asked, ["metadata", "labels"], {}))

label_sets["template.metadata.labels"] := labels if {
	count(pod_paths[kind]) > 1
	above := array.slice(pod_paths[kind], 0, count(pod_paths[kind]) - 1)
	labels := mapping(object.get(object_asked, array.concat(above, ["metadata", "labels"]), {}))
}

mapping(value) := value if is_object(value)

mapping(value) := {} if not is_object(value)

label_problems contains {"code": "LABEL_MISSING", "msg": $"{place} lacks {label}"} if {
	some place, labels in label_sets
	some label in data.lab.required_labels
	object.get(labels, label, "") in {"", null}
}

label_problems contains {"code": "LABEL_WRONG", "msg": msg} if {
	some place, labels in label_sets
	labels.tenant != tenant
	msg := $"{place}: tenant is {labels.tenant}, the namespace is of {tenant}"
}
