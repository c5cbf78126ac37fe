package lab.docs

amount(value) := units.parse(sprintf("%v", [value]))

tiers[one.name] := input.document.tiers[one.tier] if some one in input.document.tenants

quotas := {"team-a": input.facts.quotas_a, "team-b": input.facts.quotas_b}

ranges := {"team-a": input.facts.ranges_a, "team-b": input.facts.ranges_b}

deny contains $"{tenant} has no ResourceQuota of its own" if {
	some tenant, _ in tiers
	count(quotas[tenant]) == 0
}

deny contains $"{tenant}: ResourceQuota {one.metadata.name} has scopes, so it holds for some pods alone" if {
	some tenant, found in quotas
	some one in found
	some field in ["scopes", "scopeSelector"]
	one.spec[field]
}

deny contains $"{tenant}: ResourceQuota {one.metadata.name} says {what} {said}, the model {tier[what]}" if {
	some tenant, tier in tiers
	some one in quotas[tenant]
	some what, _ in tier
	said := object.get(one.spec.hard, what, "nothing")
	not same(said, tier[what])
}

same(one, other) if amount(one) == amount(other)

deny contains $"{tenant} has no LimitRange for containers with default, defaultRequest and max for {what}" if {
	some tenant, _ in tiers
	some what in ["cpu", "memory"]
	count([one | some one in limits[tenant]; whole(one, what)]) == 0
}

deny contains $"{tenant}: one container may have {one.max[what]} of {what}, which is not its ceiling in lab.tenants" if {
	some tenant, _ in tiers
	some one in limits[tenant]
	some what, ceiling in input.facts.tenants[tenant].ceilings
	not same(one.max[what], ceiling)
}

limits[tenant] contains one if {
	some tenant, found in ranges
	some item in found
	some one in item.spec.limits
	one.type == "Container"
}

whole(one, what) if {
	one.max[what]
	one["default"][what]
	one.defaultRequest[what]
}
