package lab.docs

there := {one.name | some one in input.facts.models.body.registered_models}

planned := {one.name | some one in input.document.models}

deny contains $"registered model {name} is not in the plan" if some name in (there - planned)

deny contains $"the plan has a model {name} that the registry has not" if some name in (planned - there)

personas := {one.name | some one in input.personas}

deny contains $"role of persona {name} is not in the plan" if {
	some name in (personas - {one.persona | some one in input.document.roles})
}

deny contains $"lineage does not keep {word}" if {
	some word in ["run", "commit", "data", "feature"]
	not mentioned(word)
}

mentioned(word) if {
	some one in input.document.lineage
	contains(lower(one), word)
}

deny contains $"alias {name} has no meaning in the plan" if {
	some name in ({"champion", "previous"} - {one.name | some one in input.document.aliases})
}
