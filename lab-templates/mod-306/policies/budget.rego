# METADATA
# title: Budgets of tenants
# description: |
#   Decides whether the quotas of tenants may be what they are: `input.quotas` has for each tenant
#   what its ResourceQuota says in spec.hard. Whatever cannot be reckoned is a reason to refuse.
package lab.budget

policy_version := "budget/1"

default allow := false

allow if count(deny) == 0

# METADATA
# title: A tenant's quota costs no more than its budget
# labels: {control: FIN-1}
deny contains violation("FIN-1", "OVER_BUDGET", msg) if {
	some tenant, cost in costs
	cost > data.lab.budgets[tenant]
	msg := $"the quota of {tenant} costs {cost} a month, its budget is {data.lab.budgets[tenant]}"
}

# METADATA
# title: A quota says what it costs
# labels: {control: FIN-2}
deny contains violation("FIN-2", "QUOTA_INCOMPLETE", msg) if {
	some tenant in tenants
	some key in {"requests.cpu", "requests.memory", "requests.storage"}
	not amount(tenant, key)
	msg := $"the quota of {tenant} has no {key} that can be reckoned"
}

# METADATA
# title: There is something to decide on
# labels: {control: FIN-2}
deny contains violation("FIN-2", "QUOTAS_MISSING", "input.quotas names no tenant") if {
	count(tenants) == 0
}

# METADATA
# title: What is not known counts as no room
# labels: {control: FIN-2}
deny contains violation("FIN-2", "NUMBERS_MISSING", $"data.lab.{path} is no number") if {
	some path in (numbers - known)
}

# METADATA
# title: A tenant has a budget
# labels: {control: FIN-3}
deny contains violation("FIN-3", "BUDGET_MISSING", $"{tenant} has no budget") if {
	some tenant in tenants
	not has_budget(tenant)
}

# METADATA
# title: Quotas together leave the reserve free
# labels: {control: FIN-4}
deny contains violation("FIN-4", "CAPACITY", msg) if {
	some key, field in {
		"requests.cpu": "cpu",
		"requests.memory": "memory_gib",
		"requests.storage": "storage_gib",
	}
	asked := sum([value | some tenant in tenants; value := amount(tenant, key)])
	free := data.lab.capacity[field] * (1 - data.lab.capacity.reserve)
	asked > free
	msg := $"tenants were given {asked} of {field}, {free} may be given"
}

violation(control, code, msg) := {"control": control, "code": code, "msg": msg}

numbers := {
	"prices.cpu_core_hour",
	"prices.memory_gib_hour",
	"prices.storage_gib_month",
	"prices.hours",
	"capacity.cpu",
	"capacity.memory_gib",
	"capacity.storage_gib",
	"capacity.reserve",
}

known contains $"prices.{key}" if {
	some key, value in data.lab.prices
	is_number(value)
}

known contains $"capacity.{key}" if {
	some key, value in data.lab.capacity
	is_number(value)
}

tenants contains tenant if some tenant, _ in input.quotas

has_budget(tenant) if is_number(data.lab.budgets[tenant])

# Cores, and GiB.
amount(tenant, "requests.cpu") := units.parse(input.quotas[tenant]["requests.cpu"])

amount(tenant, key) := units.parse_bytes(input.quotas[tenant][key]) / 1073741824 if {
	key in {"requests.memory", "requests.storage"}
}

costs[tenant] := round(euros * 100) / 100 if {
	some tenant in tenants
	prices := data.lab.prices
	compute := amount(tenant, "requests.cpu") * prices.cpu_core_hour
	memory := amount(tenant, "requests.memory") * prices.memory_gib_hour
	storage := amount(tenant, "requests.storage") * prices.storage_gib_month
	euros := ((compute + memory) * prices.hours) + storage
}
