package lab.docs

deny contains $"limit is {input.document.limit}, and the policy says otherwise" if {
	input.document.limit != input.facts.limit
}
