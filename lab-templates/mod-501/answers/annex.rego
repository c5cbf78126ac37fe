package lab.docs

letters := {"team-a": "a", "team-b": "b"}

texts := {"documents": input.facts.docs[0].data, "policies": input.facts.policies[0].data}

quotas[one.tenant] := one.hard if some one in input.document.quotas

deny contains $"{tenant}: hard is not that of its ResourceQuota {one.metadata.name}" if {
	some tenant, letter in letters
	some one in input.facts[$"quotas_{letter}"]
	object.get(quotas, tenant, {}) != one.spec.hard
}

deny contains $"{tenant} has no ResourceQuota yet: task compute comes first" if {
	some tenant, letter in letters
	count(input.facts[$"quotas_{letter}"]) == 0
}

deny contains $"{part}: {tenant} has not just {said}" if {
	some part, fact in {"network_policies": "networks", "bindings": "bindings"}
	some tenant, letter in letters
	live := {one.metadata.name | some one in input.facts[$"{fact}_{letter}"]}
	said := {name | some one in input.document[part]; one.tenant == tenant; some name in one.names}
	live != said
}

deny contains $"{one.key} is not in ConfigMap {map}" if {
	some part, map in {"documents": "docs", "policies": "policies"}
	some one in input.document[part]
	not one.key in object.keys(texts[part])
}

deny contains $"{one.key} has changed since: its SHA-256 is another one now" if {
	some part in ["documents", "policies"]
	some one in input.document[part]
	one.sha256 != crypto.sha256(texts[part][one.key])
}

deny contains $"{key} is not listed" if {
	some part, keys in {
		"documents": {"blueprint.yaml", "operating-model.yaml", "tenancy-model.yaml"},
		"policies": {"tenancy.rego", "tenancy_test.rego"},
	}
	some key in (keys - {one.key | some one in input.document[part]})
}

deny contains $"audience: nobody is from the {who}" if {
	some who in ["principal engineer", "team lead"]
	count([one | some one in input.document.audience; contains(lower(one.who), who)]) == 0
}
