package lab.docs

right := {2: "none", 3: "PRM-4", 4: "PRM-7", 5: "PRM-6", 6: "PRM-5"}

promotable := {2}

given[one.version] := one if some one in input.document.candidates

deny contains $"candidate {version} is not there" if {
	some version, _ in right
	not given[version]
}

deny contains $"candidate {version}: another control" if {
	some version, control in right
	given[version].control != control
}

deny contains $"candidate {version}: the finding and the verdict do not go together" if {
	some version in promotable
	not given[version].promote
}

deny contains $"candidate {version}: the finding and the verdict do not go together" if {
	some version, _ in right
	not version in promotable
	given[version].promote
}
