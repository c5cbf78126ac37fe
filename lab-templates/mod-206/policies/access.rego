# METADATA
# title: Access to the platform API
# description: |
#   Decides whether somebody may call an operation of the platform API. The API says who calls, by
#   its own table of tokens, and whose the resource is, by the registries: callers state neither.
#   Whatever is missing, unknown or malformed is a reason to refuse, and every reason names its
#   control.
package lab.access

policy_version := "access/1"

default allow := false

allow if count(deny) == 0

# METADATA
# title: A call that cannot be judged is refused
# labels: {control: API-1}
deny contains violation("API-1", reason) if some reason in unjudgeable

# METADATA
# title: A tenant reaches what is its own, or everybody's
# labels: {control: API-2}
deny contains violation("API-2", reason) if {
	not own
	not across
	reason := {
		"code": "TENANT_FOREIGN",
		"msg": $"this {input.resource.type} is not tenant {input.actor.tenant}'s",
	}
}

# METADATA
# title: A role of the caller allows the method on this kind of resource
# labels: {control: API-3}
deny contains violation("API-3", reason) if {
	allowed := object.get(rules.matrix, [input.resource.type, input.method], [])
	not holds(allowed)
	reason := {
		"code": "ROLE_MISSING",
		"msg": $"{input.method} on a {input.resource.type} takes one of the roles {allowed}",
	}
}

# METADATA
# title: A tenant calls no more often than its tier allows
# labels: {control: API-4}
deny contains violation("API-4", reason) if {
	input.recent_calls >= limit
	reason := {
		"code": "RATE_EXCEEDED",
		"msg": $"tier {tier} allows {limit} calls a minute, tenant {input.actor.tenant} made them",
	}
}

# METADATA
# title: Personal features are read for a purpose that is on the list
# labels: {control: API-5}
deny contains violation("API-5", reason) if some reason in purposeless

# METADATA
# title: What has to follow when the answer is yes
obligations contains {"record": "purpose"} if count(object.get(rules.purposes, pii, [])) > 0

violation(control, reason) := object.union(reason, {"control": control})

rules := data.lab.api

# API-1

required := {
	"actor.user",
	"actor.tenant",
	"actor.roles",
	"method",
	"path",
	"resource.type",
	"resource.tenant",
}

unjudgeable contains {"code": "INPUT_INCOMPLETE", "msg": $"the input lacks {field}"} if {
	some field in required
	not given(split(field, "."))
}

# Without a count no limit would ever be reached.
unjudgeable contains {"code": "INPUT_INCOMPLETE", "msg": "recent_calls is no number"} if not counted

unjudgeable contains {"code": "TENANT_UNKNOWN", "msg": $"there is no tenant {input.actor.tenant}"} if {
	given(["actor", "tenant"])
	not limit
}

unjudgeable contains {"code": "RESOURCE_UNKNOWN", "msg": msg} if {
	given(["resource", "type"])
	not rules.matrix[input.resource.type]
	msg := $"there is no kind of resource {input.resource.type}"
}

given(path) if not object.get(input, path, null) in {null, "", []}

counted if {
	is_number(input.recent_calls)
	input.recent_calls >= 0
}

# API-2

# Looked up inside: of a call under `not`, an argument that is undefined makes the whole line
# undefined, and what is missing would pass.
own if input.resource.tenant in {input.actor.tenant, rules.shared}

across if holds(object.get(rules.cross_tenant, input.method, []))

holds(roles) if {
	some role in input.actor.roles
	role in roles
}

# API-4

tier := rules.tenants[input.actor.tenant].tier

limit := rules.tiers[tier]

# API-5

pii := object.get(input, ["resource", "labels", "pii"], "unsaid") if input.resource.type == "feature"

purposeless contains {"code": "PII_UNKNOWN", "msg": $"{pii} is no class of personal data"} if {
	single
	not rules.purposes[pii]
}

purposeless contains {"code": "PURPOSE_MISSING", "msg": msg} if {
	single
	purposes := rules.purposes[pii]
	count(purposes) > 0
	not purposed
	msg := $"features with {pii} personal data are read for one of the purposes {purposes}"
}

purposed if input.purpose in rules.purposes[pii]

# A list names features and shows no values.
single if {
	pii
	count(input.path) > 2
}
