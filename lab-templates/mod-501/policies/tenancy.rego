# METADATA
# title: Tenancy
# description: |
#   Decides whether a tenant may have an object, from what an admission webhook would be sent. Who
#   the tenants are and what they were promised is data. Whatever is missing, unknown or malformed
#   is a reason to refuse, and every reason names its control.
package lab.tenancy

policy_version := "tenancy/1"

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

# METADATA
# title: Every container says what it needs, and takes no more than the tenant's ceiling
# labels: {control: TEN-2}
deny contains violation("TEN-2", reason) if {
	writes
	some reason in resource_problems
}

# METADATA
# title: Images come from the tenant's registries, and say which one they are
# labels: {control: TEN-3}
deny contains violation("TEN-3", reason) if {
	writes
	some reason in image_problems
}

# METADATA
# title: Nothing runs with more rights than it needs
# labels: {control: TEN-4}
deny contains violation("TEN-4", reason) if {
	writes
	some reason in privilege_problems
}

# METADATA
# title: Nothing refers to what belongs to another tenant
# labels: {control: TEN-5}
deny contains violation("TEN-5", reason) if {
	writes
	some reason in foreign_references
}

# METADATA
# title: Tenants stay in their own namespaces
# labels: {control: TEN-6}
deny contains violation("TEN-6", reason) if some reason in trespasses

# METADATA
# title: No service is open to the outside
# labels: {control: TEN-7}
deny contains violation("TEN-7", reason) if {
	writes
	kind == "Service"
	some reason in exposures
}

# METADATA
# title: No more is promised than there is
# labels: {control: TEN-8}
deny contains violation("TEN-8", reason) if {
	writes
	kind == "ResourceQuota"
	some reason in quota_problems
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

about := data.lab.tenants[tenant]

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

unjudgeable contains {"code": "INPUT_INCOMPLETE", "msg": $"{kind} without containers"} if {
	writes
	kind in object.keys(pod_paths)
	count(containers) == 0
}

# TEN-1

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

# TEN-2

# Where a kind has its pods.
pod_paths := {
	"Pod": ["spec"],
	"Deployment": ["spec", "template", "spec"],
	"StatefulSet": ["spec", "template", "spec"],
	"DaemonSet": ["spec", "template", "spec"],
	"Job": ["spec", "template", "spec"],
	"CronJob": ["spec", "jobTemplate", "spec", "template", "spec"],
}

pod := mapping(object.get(object_asked, pod_paths[kind], {}))

called(one) := object.get(one, "name", "without a name")

containers contains one if {
	some list in ["containers", "initContainers", "ephemeralContainers"]
	some one in pod[list]
}

resource_problems contains {"code": "RESOURCES_MISSING", "msg": msg} if {
	some one in containers
	some part in ["requests", "limits"]
	some resource in ["cpu", "memory"]
	not positive(object.get(one, ["resources", part, resource], null))
	msg := $"container {called(one)} has no {part} for {resource}"
}

resource_problems contains {"code": "OVER_CEILING", "msg": msg} if {
	some one in containers
	some resource, ceiling in about.ceilings
	asked := one.resources.limits[resource]
	quantity(asked) > quantity(ceiling)
	msg := $"container {called(one)} may take {asked} of {resource}, the ceiling is {ceiling}"
}

positive(value) if quantity(value) > 0

quantity(value) := units.parse(value) if is_string(value)

quantity(value) := value if is_number(value)

# TEN-3

image_problems contains {"code": "REGISTRY_FOREIGN", "msg": msg} if {
	some image in images
	not from_registry(image)
	msg := $"{image} comes from none of the registries of {tenant}"
}

image_problems contains {"code": "IMAGE_UNPINNED", "msg": $"{image} does not say which"} if {
	some image in images
	not pinned(image)
}

images contains object.get(one, "image", "nothing") if some one in containers

# The slash matters: team-a is no part of team-alpha.
from_registry(image) if {
	some registry in about.registries
	startswith(image, $"{registry}/")
}

pinned(image) if contains(image, "@sha256:")

# A port of the registry is no tag.
pinned(image) if {
	not contains(image, "@")
	parts := split(image, "/")
	[_, tag] := split(parts[count(parts) - 1], ":")
	not tag in {"", "latest"}
}

# TEN-4

privilege_problems contains {"code": "NOT_RESTRICTED", "msg": $"container {called(one)}: {what}"} if {
	some one in containers
	some what in loose(one)
}

privilege_problems contains {"code": "HOST_SHARED", "msg": $"the pod shares {field}"} if {
	some field in ["hostNetwork", "hostPID", "hostIPC"]
	pod[field] == true
}

privilege_problems contains {"code": "HOST_SHARED", "msg": "a volume is a path of the node"} if {
	some volume in pod.volumes
	volume.hostPath
}

loose(one) := {what |
	some what, held in {
		"allowPrivilegeEscalation is not false": no_escalation(one),
		"capabilities are not dropped": drops_all(one),
		"runAsNonRoot is not true": settled(one, ["runAsNonRoot"], [true]),
		"seccompProfile is not RuntimeDefault": settled(
			one,
			["seccompProfile", "type"],
			["RuntimeDefault", "Localhost"],
		),
		"privileged is true": unprivileged(one),
	}
	not held
}

no_escalation(one) := object.get(one, ["securityContext", "allowPrivilegeEscalation"], true) == false

unprivileged(one) := object.get(one, ["securityContext", "privileged"], false) == false

drops_all(one) := "ALL" in object.get(one, ["securityContext", "capabilities", "drop"], [])

# A container's own word counts before the pod's.
settled(one, path, right) := value in right if {
	of_pod := object.get(pod, array.concat(["securityContext"], path), "unset")
	value := object.get(one, array.concat(["securityContext"], path), of_pod)
}

# TEN-5

foreign_references contains {"code": "SECRET_FOREIGN", "msg": $"Secret {name} is of {other}"} if {
	some name in secrets
	some other in others
	startswith(name, $"{other}-")
}

foreign_references contains {"code": "ACCOUNT_FOREIGN", "msg": msg} if {
	account := pod.serviceAccountName
	not account in about.accounts
	msg := $"{account} is no account of {tenant}"
}

foreign_references contains {"code": "HOST_FOREIGN", "msg": $"{text} is a host of {other}"} if {
	some text in addresses
	some other in others
	some part in regex.split(`[^a-z0-9.-]+`, lower(text))
	split(part, ".")[1] in data.lab.tenants[other].namespaces
}

others := object.keys(data.lab.tenants) - {tenant}

secrets contains volume.secret.secretName if some volume in pod.volumes

secrets contains source.secret.name if {
	some volume in pod.volumes
	some source in volume.projected.sources
}

secrets contains one.name if some one in pod.imagePullSecrets

secrets contains variable.valueFrom.secretKeyRef.name if {
	some one in containers
	some variable in one.env
}

secrets contains source.secretRef.name if {
	some one in containers
	some source in one.envFrom
}

addresses contains variable.value if {
	some one in containers
	some variable in one.env
}

addresses contains object_asked.spec.externalName if kind == "Service"

# TEN-6

trespasses contains {"code": "NAMESPACE_UNKNOWN", "msg": $"{request.namespace} is no tenant's"} if {
	not tenant
}

trespasses contains {"code": "NAMESPACE_FOREIGN", "msg": msg} if {
	caller := object.get(request, ["userInfo", "tenant"], "nobody")
	caller != tenant
	not administers
	msg := $"{caller} has nothing to do in a namespace of {tenant}"
}

administers if {
	some group in request.userInfo.groups
	group in data.lab.admins
}

# TEN-7

exposures contains {"code": "SERVICE_EXPOSED", "msg": $"a Service of type {type}"} if {
	type := object_asked.spec.type
	type in {"LoadBalancer", "NodePort"}
}

exposures contains {"code": "SERVICE_EXPOSED", "msg": "a Service with externalIPs"} if {
	count(object_asked.spec.externalIPs) > 0
}

# TEN-8

quota_problems contains {"code": "QUOTA_INCOMPLETE", "msg": $"the quota says nothing of {what}"} if {
	some what, _ in data.lab.capacity
	not asked_of[what]
}

quota_problems contains {"code": "SHARE_TOO_BIG", "msg": msg} if {
	some what, most in data.lab.capacity
	percent := data.lab.limits.max_share_percent
	asked_of[what] * 100 > quantity(most) * percent
	msg := $"{hard[what]} of {what} is more than {percent} % of {most}"
}

quota_problems contains {"code": "OVERCOMMITTED", "msg": msg} if {
	some what, most in data.lab.capacity
	percent := 100 - data.lab.limits.reserve_percent
	promised := sum([quantity(data.lab.tenants[other].agreed[what]) | some other in others])
	(promised + asked_of[what]) * 100 > quantity(most) * percent
	msg := $"with {hard[what]} of {what} more than {percent} % of {most} would be promised"
}

hard := mapping(object.get(object_asked, ["spec", "hard"], {}))

asked_of[what] := quantity(amount) if some what, amount in hard
