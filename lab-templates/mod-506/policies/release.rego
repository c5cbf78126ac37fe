# METADATA
# title: Release of policies
# description: |
#   Decides whether a set of policies that somebody wrote may become those of the lab. It belongs to
#   the platform and goes with every revision: who writes policies does not write what releases them,
#   so no revision can let others in or lock everybody out. Its limits stand here and not in the data,
#   which a revision replaces.
package lab.release

policy_version := "release/1"

default allow := false

allow if count(deny) == 0

# METADATA
# title: A request that cannot be judged is refused
# labels: {control: PRM-1}
deny contains violation("PRM-1", reason) if some reason in unjudgeable

# METADATA
# title: Somebody else of the right role approved this very set of files
# labels: {control: REL-1}
deny contains violation("REL-1", reason) if {
	input.action == "release_policy"
	some reason in missing_approvals
}

# METADATA
# title: The compiler has nothing against the files
# labels: {control: REL-2}
deny contains violation("REL-2", {"code": "NOT_VETTED", "msg": "the files are not vetted"}) if {
	not input.policy.vetted == true
}

# METADATA
# title: A release changes something
# labels: {control: REL-3}
deny contains violation("REL-3", reason) if {
	input.policy.revision == input.current.revision
	reason := {
		"code": "RUNNING_ALREADY",
		"msg": $"revision {input.policy.revision} is the one that decides already",
	}
}

# METADATA
# title: Nobody approves a request of their own
# labels: {control: SOD-1}
deny contains violation("SOD-1", reason) if {
	some approval in input.approvals
	approval.user == input.request.requester
	reason := {
		"code": "SELF_APPROVAL",
		"msg": $"{input.request.requester} asked for this change and cannot approve it",
	}
}

# METADATA
# title: The state of the request allows the action
# labels: {control: LCM-1}
deny contains violation("LCM-1", reason) if {
	allowed := states[input.action]
	not input.request.state in allowed
	reason := {
		"code": "STATE_ILLEGAL",
		"msg": $"{input.action} is not possible in state {input.request.state}",
	}
}

# METADATA
# title: What has to follow when the answer is yes
obligations contains {"notify": role} if {
	input.action == "request"
	some role in roles
}

obligations contains {"notify": "owner"} if input.action == "release_policy"

violation(control, reason) := object.union(reason, {"control": control})

approvals_needed := 1

roles := ["risk-reviewer"]

states := {"request": ["Draft"], "release_policy": ["Approved"]}

# PRM-1

required := {
	"now",
	"actor.user",
	"actor.roles",
	"current.revision",
	"evidence_digest",
	"policy.digest",
	"policy.revision",
	"request.id",
	"request.requester",
	"request.state",
}

unjudgeable contains {"code": "INPUT_INCOMPLETE", "msg": $"the input lacks {field}"} if {
	some field in required
	not filled(input, split(field, "."))
}

unjudgeable contains {"code": "ACTION_UNKNOWN", "msg": $"there is no action {input.action}"} if {
	not states[input.action]
}

filled(part, path) if not object.get(part, path, null) in {null, "", []}

# REL-1

# An approval counts for the files that its author saw, and for no others.
valid_approvals contains approval if {
	some approval in input.approvals
	filled(approval, ["user"])
	approval.digest == input.evidence_digest
	approval.user != input.request.requester
}

missing_approvals contains {"code": "APPROVALS_MISSING", "msg": msg} if {
	people := {approval.user | some approval in valid_approvals}
	count(people) < approvals_needed
	msg := $"{count(people)} of {approvals_needed} people approved these files"
}

missing_approvals contains {"code": "ROLE_MISSING", "msg": $"nobody with role {role} approved"} if {
	some role in roles
	not role in {approval.role | some approval in valid_approvals}
}
