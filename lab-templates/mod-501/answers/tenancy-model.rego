package lab.docs

model := input.document

resources := ["requests.cpu", "requests.memory", "pods"]

amount(value) := units.parse(sprintf("%v", [value]))

tenants[one.name] := one if some one in model.tenants

quota[name] := model.tiers[one.tier] if some name, one in tenants

promised[what] := sum([amount(one[what]) | some one in quota]) if some what in resources

deny contains $"capacity: {what} is {model.capacity[what]}, OPA's lab.capacity says something else" if {
	some what, said in input.facts.capacity
	amount(model.capacity[what]) != amount(said)
}

deny contains $"reserve_percent is {model.reserve_percent}, lab.limits keeps more free" if {
	model.reserve_percent < input.facts.limits.reserve_percent
}

deny contains $"max_share_percent is {model.max_share_percent}, lab.limits gives one tenant less" if {
	model.max_share_percent > input.facts.limits.max_share_percent
}

deny contains $"tenant {name} is not in the model" if {
	some name, _ in input.facts.tenants
	not tenants[name]
}

deny contains $"tenant {name} is nobody that OPA knows" if {
	some name, _ in tenants
	not input.facts.tenants[name]
}

deny contains $"{name}: {field} is {one[field]}, agreed was another one (lab.tenants)" if {
	some name, one in tenants
	said := input.facts.tenants[name]
	some field in ["tier", "owner", "cost_center"]
	one[field] != said[field]
}

deny contains $"{name}: {one.namespace} is not its namespace" if {
	some name, one in tenants
	one.namespace != input.lab.namespaces[name]
}

deny contains $"{name}: {one.workspace} is not its workspace in MLflow" if {
	some name, one in tenants
	one.workspace != name
}

deny contains $"tier {higher} has no more {what} than {lower}" if {
	some pair in [["bronze", "silver"], ["silver", "gold"]]
	[lower, higher] := pair
	some what in resources
	amount(model.tiers[higher][what]) <= amount(model.tiers[lower][what])
}

deny contains $"{name} was promised more of {what} than {quota[name][what]}, which tier {tenants[name].tier} has" if {
	some name, said in input.facts.tenants
	some what, least in said.agreed
	amount(quota[name][what]) < amount(least)
}

deny contains $"{name} would have {quota[name][what]} of {what}: more than {model.max_share_percent} % of {model.capacity[what]}" if {
	some name, _ in tenants
	some what in resources
	amount(quota[name][what]) * 100 > amount(model.capacity[what]) * model.max_share_percent
}

deny contains $"all tenants together are promised more {what} than {100 - model.reserve_percent} % of {model.capacity[what]}" if {
	some what in resources
	promised[what] * 100 > amount(model.capacity[what]) * (100 - model.reserve_percent)
}

deny contains $"tier {tier}: limits.{what} is below what is requested" if {
	some tier, one in model.tiers
	some what in ["cpu", "memory"]
	amount(one[$"limits.{what}"]) < amount(one[$"requests.{what}"])
}

deny contains $"tier {tier}: limits.{what} is more than lab.overcommit lets it be" if {
	some tier, one in model.tiers
	some what, times in input.facts.overcommit
	amount(one[$"limits.{what}"]) > amount(one[$"requests.{what}"]) * times
}

deny contains $"headroom: {what} is {model.headroom[what]}, which is not what the model leaves" if {
	some what in resources
	difference := amount(model.headroom[what]) - left(what)
	abs(difference) > 0.001 * amount(model.capacity[what])
}

left(what) := ((amount(model.capacity[what]) * (100 - model.reserve_percent)) / 100) - promised[what]
