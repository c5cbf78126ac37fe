# METADATA
# title: Promotion of models
# description: |
#   Decides what may happen to the model in production. The platform assembles the input from the
#   registry and the feature store: what a caller says about evidence counts for nothing. Whatever
#   is missing, unknown or malformed is a reason to refuse, and every reason names its control.
package lab.promotion

policy_version := "promotion/1"

default allow := false

allow if count(deny) == 0

# METADATA
# title: A request that cannot be judged is refused
# labels: {control: PRM-1}
deny contains violation("PRM-1", reason) if some reason in unjudgeable

# METADATA
# title: The evidence reaches the thresholds of the tier
# labels: {control: PRM-2}
deny contains violation("PRM-2", reason) if {
	forward
	some reason in shortfalls(matrix.quality)
}

# METADATA
# title: A version is not worse than the champion
# labels: {control: PRM-3}
deny contains violation("PRM-3", reason) if {
	forward
	some reason in regressions
}

# METADATA
# title: No group of people pays for the metric
# labels: {control: PRM-4}
deny contains violation("PRM-4", reason) if {
	forward
	some reason in shortfalls(matrix.fairness)
}

# METADATA
# title: The evidence is recent
# labels: {control: PRM-5}
deny contains violation("PRM-5", reason) if {
	forward
	limit := matrix.evidence_max_age_days
	not recent(limit)
	age := object.get(input, ["evidence", "age_days"], "unknown")
	reason := {
		"code": "EVIDENCE_STALE",
		"msg": $"the evidence is {age} days old, at most {limit} are allowed",
	}
}

# METADATA
# title: What was evaluated is what would be promoted
# labels: {control: PRM-6}
deny contains violation("PRM-6", reason) if {
	forward
	not same_digest
	reason := {
		"code": "DIGEST_MISMATCH",
		"msg": "model and metrics are not the ones that were evaluated at registration",
	}
}

# METADATA
# title: Lineage is complete, and the features are approved and fresh
# labels: {control: PRM-7}
deny contains violation("PRM-7", reason) if {
	forward
	some reason in lineage_gaps
}

# METADATA
# title: Nobody approves a request of their own
# labels: {control: SOD-1}
deny contains violation("SOD-1", reason) if {
	input.request.requester in deciders
	reason := {
		"code": "SELF_APPROVAL",
		"msg": $"{input.request.requester} asked for this change and cannot approve it",
	}
}

# METADATA
# title: Enough people of the right roles approved this very version
# labels: {control: SOD-2}
deny contains violation("SOD-2", reason) if {
	not glass_broken
	some reason in missing_approvals
}

# METADATA
# title: Nobody approves a model that they made
# labels: {control: SOD-3}
deny contains violation("SOD-3", reason) if {
	input.model.author in deciders
	reason := {
		"code": "AUTHOR_APPROVAL",
		"msg": $"{input.model.author} trained this version and cannot approve it",
	}
}

# METADATA
# title: The state of the request allows the action
# labels: {control: LCM-1}
deny contains violation("LCM-1", reason) if {
	allowed := data.lab.states[input.action]
	not input.request.state in allowed
	reason := {
		"code": "STATE_ILLEGAL",
		"msg": $"{input.action} is not possible in state {input.request.state}",
	}
}

# METADATA
# title: Nothing goes forward in a freeze
# labels: {control: LCM-2}
deny contains violation("LCM-2", reason) if {
	input.action == "promote"
	not glass_broken
	some window in data.lab.freeze_calendar
	frozen(window)
	reason := {
		"code": "FROZEN",
		"msg": $"the freeze {window.name} lasts from {window.from} until {window.until}",
	}
}

# METADATA
# title: A rollback goes to a version that was approved, by those who run the model
# labels: {control: LCM-3}
deny contains violation("LCM-3", reason) if {
	input.action == "rollback"
	some reason in rollback_problems
}

# METADATA
# title: Breaking the glass for a promotion takes on-call, a ticket and an end within hours
# labels: {control: LCM-4}
deny contains violation("LCM-4", reason) if {
	glass_asked
	not glass_broken
	terms := data.lab.break_glass
	reason := {
		"code": "BREAK_GLASS_INVALID",
		"msg": $"that takes a promotion, a role of {terms.roles}, a ticket and at most {terms.max_hours} h",
	}
}

# METADATA
# title: What has to follow when the answer is yes
obligations contains {"notify": role} if {
	input.action == "request"
	some role in matrix.roles
}

obligations contains {"notify": "owner"} if input.action in {"promote", "rollback"}

obligations contains {"record": "incident"} if input.action == "rollback"

obligations contains {"review_within_hours": data.lab.break_glass.review_within_hours} if glass_broken

violation(control, reason) := object.union(reason, {"control": control})

# Actions that put a version forward on the strength of its evidence.
forward if input.action in {"request", "promote"}

matrix := data.lab.approval_matrix[input.model.tier]

now := time.parse_rfc3339_ns(input.now)

# PRM-1

required := {
	"actor.user",
	"actor.roles",
	"model.name",
	"model.version",
	"model.author",
	"request.requester",
	"request.state",
}

unjudgeable contains {"code": "INPUT_INCOMPLETE", "msg": $"the input lacks {field}"} if {
	some field in required
	not given(split(field, "."))
}

unjudgeable contains {"code": "INPUT_INCOMPLETE", "msg": "the input does not say what is current"} if {
	forward
	not "current" in object.keys(input)
}

unjudgeable contains {"code": "ACTION_UNKNOWN", "msg": $"there is no action {input.action}"} if {
	not data.lab.states[input.action]
}

unjudgeable contains {"code": "TIER_UNKNOWN", "msg": $"there is no tier {input.model.tier}"} if {
	not matrix
}

# A threshold that is not there must not count as met.
unjudgeable contains {"code": "TIER_INCOMPLETE", "msg": msg} if {
	some field in {
		"approvals",
		"roles",
		"evidence_max_age_days",
		"quality.at_least",
		"quality.at_most",
		"fairness.at_least",
		"fairness.at_most",
		"regression",
	}
	object.get(matrix, split(field, "."), null) == null
	msg := $"tier {input.model.tier} of the approval matrix lacks {field}"
}

unjudgeable contains {"code": "CALENDAR_UNKNOWN", "msg": "there is no freeze calendar"} if {
	not data.lab.freeze_calendar
}

unjudgeable contains {"code": "TIME_INVALID", "msg": $"{input.now} is not an RFC 3339 time"} if {
	not now
}

given(path) if not object.get(input, path, null) in {null, "", []}

# PRM-2, PRM-4

shortfalls(limits) := too_low(limits.at_least) | too_high(limits.at_most)

too_low(limits) := {{"code": "METRIC_TOO_LOW", "msg": msg} |
	some name, limit in limits
	not reaches(name, limit)
	msg := $"{name} is {shown(name)}, it must be at least {limit}"
}

too_high(limits) := {{"code": "METRIC_TOO_HIGH", "msg": msg} |
	some name, limit in limits
	not stays_within(name, limit)
	msg := $"{name} is {shown(name)}, it may be at most {limit}"
}

# Looked up inside, by name: of a function call under `not`, an argument that is undefined makes the
# whole line undefined, and a missing metric would pass.
reaches(name, limit) if metrics[name] >= limit

stays_within(name, limit) if metrics[name] <= limit

metrics[name] := value if {
	some name, value in input.evidence.metrics
	is_number(value)
}

shown(name) := object.get(metrics, name, "missing")

# PRM-3

regressions contains {"code": "REGRESSION", "msg": msg} if {
	input.current != null
	some name, epsilon in matrix.regression
	champion := object.get(input, ["current", "metrics", name], "unknown")
	not holds_against(champion, name, epsilon)
	msg := $"{name} is {shown(name)}, the champion has {champion}, the margin is {epsilon}"
}

holds_against(champion, name, epsilon) if {
	is_number(champion)
	metrics[name] >= champion - epsilon
}

# PRM-5

recent(limit) if {
	is_number(input.evidence.age_days)
	input.evidence.age_days >= 0
	input.evidence.age_days <= limit
}

# PRM-6

same_digest if {
	given(["model", "digest"])
	input.model.digest == input.evidence.digest
}

# PRM-7

lineage_gaps contains {"code": "LINEAGE_INCOMPLETE", "msg": $"the lineage lacks {field}"} if {
	some field in {
		"evidence.run_id",
		"evidence.git_commit",
		"evidence.dataset_digest",
		"lineage.feature_service",
	}
	not given(split(field, "."))
}

lineage_gaps contains {"code": "FEATURES_UNAPPROVED", "msg": msg} if {
	not input.lineage.features_approved == true
	msg := $"the features of {input.lineage.feature_service} are not approved"
}

lineage_gaps contains {"code": "FEATURES_STALE", "msg": msg} if {
	not input.lineage.freshness_ok == true
	msg := $"the features of {input.lineage.feature_service} are older than they promise, or nobody knows"
}

# SOD-1, SOD-2, SOD-3

# Whose word would count as an approval, now or by this action.
deciders contains approval.user if some approval in input.approvals

deciders contains input.actor.user if input.action == "approve"

# An approval counts for the version that its author saw, and for no other.
valid_approvals contains approval if {
	some approval in input.approvals
	given(["model", "digest"])
	approval.digest == input.model.digest
	not approval.user in {input.request.requester, input.model.author}
}

missing_approvals contains {"code": "APPROVALS_MISSING", "msg": msg} if {
	input.action == "promote"
	people := {approval.user | some approval in valid_approvals}
	count(people) < matrix.approvals
	msg := $"{count(people)} of {matrix.approvals} people approved this version"
}

missing_approvals contains {"code": "ROLE_MISSING", "msg": $"nobody with role {role} approved"} if {
	input.action == "promote"
	some role in matrix.roles
	not role in {approval.role | some approval in valid_approvals}
}

missing_approvals contains {"code": "ROLE_WRONG", "msg": msg} if {
	input.action == "approve"
	count(matrix.roles) > 0
	count({role | some role in input.actor.roles} & {role | some role in matrix.roles}) == 0
	msg := $"an approval takes one of the roles {matrix.roles}"
}

# LCM-2

frozen(window) if {
	window.from <= window.until
	window.from <= today
	today <= window.until
}

frozen(window) if {
	window.from > window.until
	some inside in [today >= window.from, today <= window.until]
	inside
}

today := time.format([now, "UTC", "01-02"])

# LCM-3

rollback_problems contains {"code": "ROLLBACK_ROLE", "msg": msg} if {
	count({role | some role in input.actor.roles} & {role | some role in data.lab.rollback_roles}) == 0
	msg := $"a rollback takes one of the roles {data.lab.rollback_roles}"
}

rollback_problems contains {"code": "NEVER_APPROVED", "msg": msg} if {
	not input.model.approved_before == true
	msg := $"version {input.model.version} was never approved, a rollback cannot go there"
}

# LCM-4

glass_asked if not object.get(input, "break_glass", null) == null

glass_broken if {
	input.action == "promote"
	glass := input.break_glass
	some role in input.actor.roles
	role in data.lab.break_glass.roles
	regex.match(data.lab.break_glass.ticket, glass.ticket)
	opened := time.parse_rfc3339_ns(glass.opened_at)
	closes := time.parse_rfc3339_ns(glass.closes_at)
	opened <= now
	now < closes
	closes - opened <= ((data.lab.break_glass.max_hours * 3600) * 1000) * 1000000
}
