package lab.docs

right := {1: 401, 2: 200, 3: 403, 4: 403, 5: 200, 6: 403, 7: 200, 8: 200, 9: 401, 10: 401}

given[one.line] := one.status if some one in input.document.answers

deny contains $"line {line} is not answered" if {
	some line, _ in right
	not given[line]
}

deny contains $"line {line} is answered with another status" if {
	some line, status in right
	given[line] != status
}
