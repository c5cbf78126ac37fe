package lab.docs

right := {
	1: {"SOD-1", "SOD-2"},
	2: {"SOD-2", "SOD-3"},
	3: {"SOD-2"},
	4: {"SOD-2"},
	5: {"PRM-2"},
	6: {"PRM-1"},
	7: {"LCM-3"},
	8: {"LCM-2"},
}

given[one.line] := {control | some control in one.controls} if some one in input.document.answers

deny contains $"line {line} is not there" if {
	some line, _ in right
	not given[line]
}

deny contains $"line {line}: other controls" if {
	some line, controls in right
	given[line] != controls
}
