package lab.docs

default organisation := {}

organisation := yaml.unmarshal(input.facts.organisation[0].data["organisation.yaml"]).lab

prices := organisation.prices

side_of[namespace] := side if some side, namespace in input.lab.namespaces

quota[side_of[one.metadata.namespace]] := one.spec.hard if {
	some fact in ["quota_a", "quota_b"]
	some one in input.facts[fact]
	one.metadata.name == "tenant"
}

given[one.tenant] := one if some one in input.document.tenants

tenants := object.keys(organisation.budgets)

used[tenant] := {
	"cpu_cores": units.parse(hard["requests.cpu"]),
	"memory_gib": units.parse_bytes(hard["requests.memory"]) / 1073741824,
	"storage_gib": units.parse_bytes(hard["requests.storage"]) / 1073741824,
} if {
	some tenant, hard in quota
}

cost(amounts) := ((compute + memory) * prices.hours) + storage if {
	compute := amounts.cpu_cores * prices.cpu_core_hour
	memory := amounts.memory_gib * prices.memory_gib_hour
	storage := amounts.storage_gib * prices.storage_gib_month
}

costs[tenant] := cost(amounts) if some tenant, amounts in used

containers := [container |
	some fact in ["sets", "deployments"]
	some one in input.facts[fact]
	some container in one.spec.template.spec.containers
]

platform := {
	"cpu_cores": sum([units.parse(one.resources.requests.cpu) | some one in containers]),
	"memory_gib": sum([units.parse_bytes(one.resources.requests.memory) | some one in containers]) / 1073741824,
	"storage_gib": 0,
}

handed_out := sum([one | some one in costs])

near(one, other) if abs(one - other) < 0.011

deny contains "ConfigMap organisation has no prices and budgets that can be read" if {
	count(object.get(organisation, "budgets", {})) == 0
}

deny contains $"{tenant} has no ResourceQuota tenant that says cpu, memory and storage" if {
	some tenant in tenants
	not costs[tenant]
}

deny contains $"there is no row for {tenant}" if {
	some tenant in tenants
	not given[tenant]
}

deny contains $"{tenant} is no tenant" if some tenant in (object.keys(given) - tenants)

deny contains $"{tenant}: {field} is {given[tenant][field]}, its ResourceQuota says {value}" if {
	some tenant, amounts in used
	some field, value in amounts
	not near(given[tenant][field], value)
}

deny contains $"{tenant}: cost {given[tenant].cost} is not its quota times the organisation's prices" if {
	some tenant, value in costs
	not near(given[tenant].cost, value)
}

deny contains $"{tenant}: budget is {given[tenant].budget}, the organisation says {budget}" if {
	some tenant, budget in organisation.budgets
	given[tenant].budget != budget
}

deny contains $"FIN-1: {tenant} may spend {budget} a month, its quota costs {round(costs[tenant] * 100) / 100}" if {
	some tenant, budget in organisation.budgets
	costs[tenant] > budget
}

deny contains $"platform.{field} {given_field} is not what containers on the platform ask for together" if {
	some field in ["cpu_cores", "memory_gib"]
	given_field := input.document.platform[field]
	not near(given_field, platform[field])
}

deny contains "platform.cost is not what its containers ask for, times price" if {
	not near(input.document.platform.cost, cost(platform))
}

deny contains $"{tenant}: platform_share is not its part of the platform's cost, by the tenants' costs" if {
	some tenant, value in costs
	not near(given[tenant].platform_share, (cost(platform) * value) / handed_out)
}

deny contains "total is not what tenants and platform cost together" if {
	not near(input.document.total, cost(platform) + handed_out)
}
