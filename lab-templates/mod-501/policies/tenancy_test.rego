package lab.tenancy_test

import data.lab.tenancy

labels := {"tenant": "team-a", "owner": "churn-team", "cost-center": "CC-101", "env": "prod"}

container := {
	"name": "scorer",
	"image": "registry.example.org/team-a/scorer:1.4.2",
	"resources": {
		"requests": {"cpu": "50m", "memory": "64Mi"},
		"limits": {"cpu": "200m", "memory": "128Mi"},
	},
	"env": [{"name": "UPSTREAM", "value": "http://web.team-a.svc:8080/score"}],
	"securityContext": {
		"allowPrivilegeEscalation": false,
		"capabilities": {"drop": ["ALL"]},
	},
}

pod_spec := {
	"serviceAccountName": "trainer",
	"securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
	"containers": [container],
	"volumes": [{"name": "key", "secret": {"secretName": "team-a-key"}}],
}

asked(kind, object) := {"request": {
	"operation": "CREATE",
	"userInfo": {"username": "ada", "groups": ["data-science"], "tenant": "team-a"},
	"namespace": "team-a",
	"kind": {"group": "", "version": "v1", "kind": kind},
	"object": object,
}}

pod := asked("Pod", {"metadata": {"name": "scorer", "labels": labels}, "spec": pod_spec})

of_template(kind) := asked(kind, {
	"metadata": {"name": "scorer", "labels": labels},
	"spec": {"template": {"metadata": {"labels": labels}, "spec": pod_spec}},
})

cron_job := asked("CronJob", {
	"metadata": {"name": "nightly", "labels": labels},
	"spec": {"jobTemplate": {"spec": {"template": {
		"metadata": {"labels": labels},
		"spec": pod_spec,
	}}}},
})

service(spec) := asked("Service", {"metadata": {"name": "scorer", "labels": labels}, "spec": spec})

quota(hard) := asked("ResourceQuota", {
	"metadata": {"name": "tenant", "labels": labels},
	"spec": {"hard": hard},
})

fair := {"requests.cpu": "500m", "requests.memory": "1Gi", "pods": "10"}

changed(question, path, value) := json.patch(question, [{"op": "add", "path": path, "value": value}])

without(question, path) := json.remove(question, [path])

with_container(part) := changed(
	pod, "/request/object/spec/containers/0",
	object.union(container, part),
)

with_env(value) := with_container({"env": [{"name": "UPSTREAM", "value": value}]})

with_context(part) := with_container({"securityContext": object.union(
	container.securityContext,
	part,
)})

with_image(image) := with_container({"image": image})

in_pod(field, value) := changed(pod, $"/request/object/spec/{field}", value)

as_user(user) := changed(pod, "/request/userInfo", user)

codes(question) := found if {
	reasons := tenancy.deny with input as question
	found := {one.code | some one in reasons}
}

test_allowed[name] if {
	some name, question in {
		"pod": pod,
		"deployment": of_template("Deployment"),
		"stateful set": of_template("StatefulSet"),
		"job": of_template("Job"),
		"cron job": cron_job,
		"service": service({"type": "ClusterIP"}),
		"service of a kind that is not said": service({}),
		"config map": asked("ConfigMap", {"metadata": {"name": "x", "labels": labels}}),
		"fair quota": quota(fair),
		"quota with more in it": quota(object.union(fair, {"limits.cpu": "2"})),
		"numbers for quantities": quota(object.union(fair, {"pods": 10})),
		"at the ceiling": with_container({"resources": object.union(
			container.resources,
			{"limits": {"cpu": "500m", "memory": "512Mi"}},
		)}),
		"by digest": with_image("registry.example.org/team-a/scorer@sha256:0a1b"),
		"shared registry": with_image("registry.example.org/shared/python:3.13"),
		"own host": with_env("web.team-a.svc:8080"),
		"a word that is no host": with_env("teams team-a and team-b"),
		"localhost profile of the container": with_context({"seccompProfile": {"type": "Localhost"}}),
		"an update": changed(pod, "/request/operation", "UPDATE"),
		"a deletion": without(changed(pod, "/request/operation", "DELETE"), "/request/object"),
		"an administrator": as_user({"username": "root", "groups": ["platform-admins"]}),
		"no account": without(pod, "/request/object/spec/serviceAccountName"),
	}
	tenancy.allow with input as question
	codes(question) == set()
}

# Each case is a question and the code of the reason by which it has to be refused.
refused(case) if {
	not tenancy.allow with input as case[0]
	case[1] in codes(case[0])
}

test_what_cannot_be_judged[name] if {
	some name, case in {
		"nothing at all": [{}, "INPUT_INCOMPLETE"],
		"no operation": [without(pod, "/request/operation"), "INPUT_INCOMPLETE"],
		"an unknown operation": [changed(pod, "/request/operation", "PATCH"), "OPERATION_UNKNOWN"],
		"no object": [without(pod, "/request/object"), "INPUT_INCOMPLETE"],
		"no object of a kind without pods": [
			without(asked("ConfigMap", {}), "/request/object"),
			"INPUT_INCOMPLETE",
		],
		"no containers": [without(pod, "/request/object/spec/containers"), "INPUT_INCOMPLETE"],
		"no spec": [changed(pod, "/request/object/spec", null), "INPUT_INCOMPLETE"],
	}
	refused(case)
}

test_labels[name] if {
	some name, case in {
		"no label": [without(pod, "/request/object/metadata/labels/env"), "LABEL_MISSING"],
		"an empty label": [changed(pod, "/request/object/metadata/labels/owner", ""), "LABEL_MISSING"],
		"labels that are null": [changed(pod, "/request/object/metadata/labels", null), "LABEL_MISSING"],
		"a template without metadata": [
			without(of_template("Deployment"), "/request/object/spec/template/metadata"),
			"LABEL_MISSING",
		],
		"a cron job's template without a label": [
			without(cron_job, "/request/object/spec/jobTemplate/spec/template/metadata/labels/env"),
			"LABEL_MISSING",
		],
		"somebody else's label": [
			changed(pod, "/request/object/metadata/labels/tenant", "team-b"),
			"LABEL_WRONG",
		],
	}
	refused(case)
}

test_resources[name] if {
	some name, case in {
		"no resources": [with_container({"resources": null}), "RESOURCES_MISSING"],
		"no limit": [
			without(pod, "/request/object/spec/containers/0/resources/limits/memory"),
			"RESOURCES_MISSING",
		],
		"no request": [
			without(pod, "/request/object/spec/containers/0/resources/requests/cpu"),
			"RESOURCES_MISSING",
		],
		"an init container without resources": [
			in_pod("initContainers", [without(container, "/resources")]),
			"RESOURCES_MISSING",
		],
		"too much memory": [
			changed(pod, "/request/object/spec/containers/0/resources/limits/memory", "513Mi"),
			"OVER_CEILING",
		],
		"too much processor": [
			changed(pod, "/request/object/spec/containers/0/resources/limits/cpu", "0.6"),
			"OVER_CEILING",
		],
	}
	refused(case)
}

test_images[name] if {
	some name, case in {
		"a foreign registry": [with_image("docker.io/library/python:3.13"), "REGISTRY_FOREIGN"],
		"a registry that begins alike": [
			with_image("registry.example.org/team-alpha/scorer:1"),
			"REGISTRY_FOREIGN",
		],
		"no image": [without(pod, "/request/object/spec/containers/0/image"), "REGISTRY_FOREIGN"],
		"latest": [with_image("registry.example.org/team-a/scorer:latest"), "IMAGE_UNPINNED"],
		"no tag": [with_image("registry.example.org/team-a/scorer"), "IMAGE_UNPINNED"],
		"a port is no tag": [with_image("registry.example.org:5000/scorer"), "IMAGE_UNPINNED"],
	}
	refused(case)
}

test_privileges[name] if {
	some name, case in {
		"escalation": [with_context({"allowPrivilegeEscalation": true}), "NOT_RESTRICTED"],
		"escalation unsaid": [
			without(pod, "/request/object/spec/containers/0/securityContext/allowPrivilegeEscalation"),
			"NOT_RESTRICTED",
		],
		"privileged": [with_context({"privileged": true}), "NOT_RESTRICTED"],
		"capabilities": [with_context({"capabilities": {"drop": ["NET_RAW"]}}), "NOT_RESTRICTED"],
		"root": [without(pod, "/request/object/spec/securityContext/runAsNonRoot"), "NOT_RESTRICTED"],
		"root by the container": [with_context({"runAsNonRoot": false}), "NOT_RESTRICTED"],
		"no seccomp": [
			without(pod, "/request/object/spec/securityContext/seccompProfile"),
			"NOT_RESTRICTED",
		],
		"the node's network": [in_pod("hostNetwork", true), "HOST_SHARED"],
		"a path of the node": [in_pod("volumes", [{"name": "h", "hostPath": {"path": "/"}}]), "HOST_SHARED"],
	}
	refused(case)
}

test_references[name] if {
	some name, case in {
		"a foreign secret": [
			in_pod("volumes", [{"name": "k", "secret": {"secretName": "team-b-key"}}]),
			"SECRET_FOREIGN",
		],
		"a foreign secret among others": [
			in_pod("volumes", [{"name": "k", "projected": {"sources": [{"secret": {"name": "team-b-key"}}]}}]),
			"SECRET_FOREIGN",
		],
		"a foreign secret for images": [
			in_pod("imagePullSecrets", [{"name": "team-b-pull"}]),
			"SECRET_FOREIGN",
		],
		"a foreign secret in a variable": [
			with_container({"env": [{
				"name": "KEY",
				"valueFrom": {"secretKeyRef": {"name": "team-b-key", "key": "k"}},
			}]}),
			"SECRET_FOREIGN",
		],
		"a foreign secret in all variables": [
			with_container({"envFrom": [{"secretRef": {"name": "team-b-key"}}]}),
			"SECRET_FOREIGN",
		],
		"a foreign account": [in_pod("serviceAccountName", "admin"), "ACCOUNT_FOREIGN"],
		"a foreign host": [with_env("http://web.team-b.svc:8080/"), "HOST_FOREIGN"],
		"a foreign host in short": [with_env("web.team-b:8080"), "HOST_FOREIGN"],
		"a foreign host in capitals": [with_env("Web.Team-B.svc"), "HOST_FOREIGN"],
		"a foreign host by a Service": [
			service({"type": "ExternalName", "externalName": "web.team-b.svc.cluster.local"}),
			"HOST_FOREIGN",
		],
	}
	refused(case)
}

test_namespaces[name] if {
	some name, case in {
		"an unknown namespace": [changed(pod, "/request/namespace", "team-c"), "NAMESPACE_UNKNOWN"],
		"a foreign namespace": [changed(pod, "/request/namespace", "team-b"), "NAMESPACE_FOREIGN"],
		"nobody's member": [as_user({"username": "eve", "groups": []}), "NAMESPACE_FOREIGN"],
		"a deletion in a foreign namespace": [
			changed(changed(pod, "/request/operation", "DELETE"), "/request/namespace", "team-b"),
			"NAMESPACE_FOREIGN",
		],
	}
	refused(case)
}

test_services[name] if {
	some name, case in {
		"a load balancer": [service({"type": "LoadBalancer"}), "SERVICE_EXPOSED"],
		"a node port": [service({"type": "NodePort"}), "SERVICE_EXPOSED"],
		"external addresses": [service({"externalIPs": ["192.0.2.1"]}), "SERVICE_EXPOSED"],
	}
	refused(case)
}

test_quotas[name] if {
	some name, case in {
		"a quota without pods": [quota(without(fair, "/pods")), "QUOTA_INCOMPLETE"],
		"a quota of nothing": [quota(null), "QUOTA_INCOMPLETE"],
		"more than half": [quota(object.union(fair, {"requests.cpu": "501m"})), "SHARE_TOO_BIG"],
		"more than half of the pods": [quota(object.union(fair, {"pods": "11"})), "SHARE_TOO_BIG"],
		"more than there is": [quota(object.union(fair, {"requests.cpu": "701m"})), "OVERCOMMITTED"],
	}
	refused(case)
}

# The reserve belongs to nobody: of two promises it is the sum that counts.
test_reserve if {
	promised := {"requests.cpu": "450m", "requests.memory": "384Mi", "pods": "5"}
	codes(quota(fair)) == {"OVERCOMMITTED"} with data.lab.tenants["team-b"].agreed as promised
}

test_reserve_is_kept_to_the_last if {
	promised := {"requests.cpu": "400m", "requests.memory": "384Mi", "pods": "5"}
	codes(quota(fair)) == set() with data.lab.tenants["team-b"].agreed as promised
}

test_nothing_is_allowed_without_input if not tenancy.allow

test_reasons_name_their_control if {
	reasons := tenancy.deny with input as with_image("docker.io/library/python:latest")
	{one.control | some one in reasons} == {"TEN-3"}
}
