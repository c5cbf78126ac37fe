package lab.docs

there := {one.name | some one in input.facts.models.body.registered_models}

planned := {one.name | some one in input.document.models}

deny contains $"registered model {name} is not in the plan" if some name in (there - planned)

deny contains $"the plan has a model {name} that the registry has not" if some name in (planned - there)

personas := {one.name | some one in input.personas}

deny contains $"role of persona {name} is not in the plan" if {
	some name in (personas - {one.persona | some one in input.document.roles})
}

# What there is to keep, each on a line of its own.
kept := ["run", "commit", "data", "feature"]

lines[word] contains at if {
	some word in kept
	some at, one in input.document.lineage
	contains(lower(one), word)
}

deny contains $"lineage does not keep {word}" if {
	some word in kept
	not lines[word]
}

deny contains "lineage: run, commit, data and feature take a line each" if {
	count(lines) == count(kept)
	not apart
}

apart if {
	some run in lines.run
	some commit in lines.commit
	some data_ in lines.data
	some feature in lines.feature
	count({run, commit, data_, feature}) == count(kept)
}

# Labels of the module's policies.
labels := {
	"PRM-1", "PRM-2", "PRM-3", "PRM-4", "PRM-5", "PRM-6", "PRM-7",
	"SOD-1", "SOD-2", "SOD-3",
	"LCM-1", "LCM-2", "LCM-3", "LCM-4",
	"FGV-1", "FGV-2", "FGV-3", "FGV-4", "FGV-5", "FGV-7",
	"REL-1", "REL-2", "REL-3",
}

deny contains $"controls: no rule of the policies is labelled {control}" if {
	some control in ({one | some one in input.document.controls} - labels)
}

deny contains "controls: five different ones at least" if count({one | some one in input.document.controls}) < 5

deny contains $"alias {name} has no meaning in the plan" if {
	some name in ({"champion", "previous"} - {one.name | some one in input.document.aliases})
}
