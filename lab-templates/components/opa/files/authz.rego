# METADATA
# description: |
#   Who may use the API of this server. A bearer token is looked up in data.tokens, which holds
#   its role; whatever is not allowed below is refused.
package system.authz

default allow := false

role := data.tokens[input.identity]

# The diagnostic port asks as well; it says no more than that the server runs.
allow if {
	input.method == "GET"
	input.path == ["health"]
}

allow if {
	role == "learner"
	input.method == "POST"
	decision
}

allow if {
	role == "learner"
	input.method == "GET"
	readable
}

# OPA's figures about itself: how often it was asked, and how long it took.
allow if {
	role == "learner"
	input.method == "GET"
	input.path == ["metrics"]
}

# The platform decides and reads which policies it decides by; it never writes one here.
allow if {
	role == "operator"
	input.method == "POST"
	decision
	count(input.path) > 3
}

allow if {
	role == "operator"
	input.method == "GET"
	input.path == ["v1", "policies"]
}

# Asking for a decision writes nothing, though it is a POST.
decision if array.slice(input.path, 0, 3) == ["v1", "data", "lab"]

readable if decision

readable if array.slice(input.path, 0, 2) == ["v1", "policies"]
