package lab.docs

# Which cells nothing enforces is for people to say; those that policy decides have to be the same.
deny contains $"{tier}.promote.approvals is {cell.approvals}, the policy asks for {said.approvals}" if {
	some tier, said in input.facts.matrix
	cell := input.document.tiers[tier].promote
	cell.approvals != said.approvals
}

deny contains $"{tier}.promote.roles are not those of the policy: {said.roles}" if {
	some tier, said in input.facts.matrix
	cell := input.document.tiers[tier].promote
	{one | some one in cell.roles} != {one | some one in said.roles}
}

deny contains $"{tier}.rollback.roles are not those of the policy: {input.facts.rollback}" if {
	some tier, cells in input.document.tiers
	{one | some one in cells.rollback.roles} != {one | some one in input.facts.rollback}
}

deny contains $"{tier}.{action} names nobody" if {
	some tier, cells in input.document.tiers
	some action in ["request", "rollback"]
	count(cells[action].roles) == 0
}

deny contains $"{tier}.promote.thresholds does not have {metric} as the policy has it" if {
	some tier, said in input.facts.matrix
	some limits in [said.quality.at_least, said.quality.at_most, said.fairness.at_least, said.fairness.at_most]
	some metric, limit in limits
	object.get(input.document.tiers[tier].promote, ["thresholds", metric], null) != limit
}
