# METADATA
# title: Approval of feature services
# description: |
#   Decides whether models may be built on a feature service. The platform assembles the input from
#   the feature store's registry and from the request. Whatever is missing, unknown or malformed is
#   a reason to refuse, and every reason names its control. Who plays which persona may come along
#   as input.personas; nothing here depends on it.
package lab.features

policy_version := "features/1"

default allow := false

allow if count(deny) == 0

# METADATA
# title: A request that cannot be judged is refused
# labels: {control: PRM-1}
deny contains violation("PRM-1", reason) if some reason in unjudgeable

# METADATA
# title: Somebody who can be written to owns the service and each of its views
# labels: {control: FGV-1}
deny contains violation("FGV-1", reason) if {
	some [what, part] in described
	not owned(part)
	reason := {"code": "OWNER_MISSING", "msg": $"{what} has no owner with an e-mail address"}
}

# METADATA
# title: Every field says how personal it is, and direct personal data stays with few
# labels: {control: FGV-2}
deny contains violation("FGV-2", reason) if some reason in exposures

# METADATA
# title: The service, its views and their fields are described
# labels: {control: FGV-3}
deny contains violation("FGV-3", reason) if {
	some [what, part] in (described | fields)
	not filled(part, ["description"])
	reason := {"code": "DESCRIPTION_MISSING", "msg": $"{what} has no description"}
}

# METADATA
# title: A view says how long its values live and how fresh they are, and keeps to it
# labels: {control: FGV-4}
deny contains violation("FGV-4", reason) if some reason in staleness

# METADATA
# title: The values of every field are measured, enough of them, and few are missing
# labels: {control: FGV-5}
deny contains violation("FGV-5", reason) if some reason in weaknesses

# METADATA
# title: Enough people of the right roles approved what the registry says now
# labels: {control: FGV-7}
deny contains violation("FGV-7", reason) if {
	input.action == "approve_features"
	some reason in missing_approvals
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
	allowed := rules.states[input.action]
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
	some role in rules.roles
}

obligations contains {"notify": "owner"} if input.action == "approve_features"

violation(control, reason) := object.union(reason, {"control": control})

rules := data.lab.feature_approval

# PRM-1

required := {
	"now",
	"actor.user",
	"actor.roles",
	"features.name",
	"features.project",
	"features.views",
	"request.id",
	"request.requester",
	"request.state",
}

unjudgeable contains {"code": "INPUT_INCOMPLETE", "msg": $"the input lacks {field}"} if {
	some field in required
	not filled(input, split(field, "."))
}

# Of what is no list, no rule below would find anything to say.
unjudgeable contains {"code": "INPUT_INCOMPLETE", "msg": "features.views is no list"} if {
	not is_array(input.features.views)
}

unjudgeable contains {"code": "INPUT_INCOMPLETE", "msg": $"view {at} has no name or no fields"} if {
	some at, view in input.features.views
	not whole(view)
}

unjudgeable contains {"code": "INPUT_INCOMPLETE", "msg": $"view {at}: a field has no name"} if {
	some at, view in input.features.views
	some field in view.fields
	not filled(field, ["name"])
}

unjudgeable contains {"code": "ACTION_UNKNOWN", "msg": $"there is no action {input.action}"} if {
	not rules.states[input.action]
}

unjudgeable contains {"code": "TIME_INVALID", "msg": $"{input.now} is not an RFC 3339 time"} if {
	not now
}

# A rule that lost its limit must not count as met.
unjudgeable contains {"code": "RULES_INCOMPLETE", "msg": $"feature_approval lacks {key}"} if {
	some key in {"approvals", "roles", "owner", "pii", "direct_consumers", "quality"}
	object.get(rules, key, null) == null
}

now := time.parse_rfc3339_ns(input.now)

whole(view) if {
	filled(view, ["name"])
	filled(view, ["fields"])
	is_array(view.fields)
}

filled(part, path) if not object.get(part, path, null) in {null, "", []}

# The service and its views, and the fields of all views, each with what a message calls it.

described contains ["the service", input.features]

described contains [$"view {view.name}", view] if some view in input.features.views

fields contains [$"field {view.name}.{field.name}", field] if {
	some view in input.features.views
	some field in view.fields
}

# FGV-1

owned(part) if regex.match(rules.owner, part.owner)

# FGV-2

exposures contains {"code": "PII_UNKNOWN", "msg": $"{what} has no tag pii of {rules.pii}"} if {
	some [what, field] in fields
	not classified(field)
}

exposures contains {"code": "PII_DIRECT", "msg": msg} if {
	some [what, field] in fields
	field.tags.pii == "direct"
	not restricted
	msg := $"{what} is direct personal data, only for consumer_class {rules.direct_consumers}"
}

# A function, because under `not` an argument that is undefined makes the whole line undefined: a
# field without any tag would pass.
classified(field) if field.tags.pii in rules.pii

restricted if input.features.tags.consumer_class in rules.direct_consumers

# FGV-4

staleness contains {"code": "TTL_MISSING", "msg": $"view {view.name} has no ttl"} if {
	some view in input.features.views
	not lives(view)
}

staleness contains {"code": "SLO_MISSING", "msg": msg} if {
	some view in input.features.views
	not freshness(view)
	msg := $"view {view.name} has no tag freshness_slo with a duration such as 24h"
}

staleness contains {"code": "SLO_ABOVE_TTL", "msg": msg} if {
	some view in input.features.views
	lives(view)
	freshness(view) > view.ttl_seconds
	msg := $"view {view.name} promises {view.tags.freshness_slo}, values live {view.ttl_seconds} s"
}

staleness contains {"code": "STALE", "msg": msg} if {
	some view in input.features.views
	newest := time.parse_rfc3339_ns(view.monitoring.max_event_timestamp)
	age := ceil((now - newest) / 3600000000000)
	age * 3600 > freshness(view)
	msg := $"view {view.name} promises {view.tags.freshness_slo}, its newest value is {age} h old"
}

lives(view) if {
	is_number(view.ttl_seconds)
	view.ttl_seconds > 0
}

freshness(view) := seconds if {
	seconds := time.parse_duration_ns(view.tags.freshness_slo) / 1000000000
	seconds > 0
}

# FGV-5

weaknesses contains {"code": "NOT_MEASURED", "msg": $"view {view.name} has no monitoring"} if {
	some view in input.features.views
	not filled(view, ["monitoring", "max_event_timestamp"])
}

weaknesses contains {"code": "NOT_MEASURED", "msg": $"field {view.name}.{field.name} is not measured"} if {
	some [view, field] in measurable
	not measured(view, field)
}

weaknesses contains {"code": "ROWS_MISSING", "msg": msg} if {
	some [view, field] in measurable
	rows := view.monitoring.features[field.name].row_count
	rows < rules.quality.min_rows
	msg := $"field {view.name}.{field.name} has {rows} rows, {rules.quality.min_rows} are needed"
}

weaknesses contains {"code": "VALUES_MISSING", "msg": msg} if {
	some [view, field] in measurable
	rate := view.monitoring.features[field.name].null_rate
	rate > rules.quality.max_null_rate
	shown := $"{round(rate * 100)} % of its values, {round(rules.quality.max_null_rate * 100)} % may"
	msg := $"field {view.name}.{field.name} lacks {shown}"
}

measurable contains [view, field] if {
	some view in input.features.views
	filled(view, ["monitoring"])
	some field in view.fields
	filled(field, ["name"])
}

measured(view, field) if {
	is_number(view.monitoring.features[field.name].row_count)
	is_number(view.monitoring.features[field.name].null_rate)
}

# FGV-7

# An approval counts for the evidence that its author saw, and for no other.
valid_approvals contains approval if {
	some approval in input.approvals
	filled(approval, ["user"])
	filled(approval, ["digest"])
	approval.digest == object.get(input, "evidence_digest", approval.digest)
	approval.user != input.request.requester
}

missing_approvals contains {"code": "APPROVALS_MISSING", "msg": msg} if {
	people := {approval.user | some approval in valid_approvals}
	count(people) < rules.approvals
	msg := $"{count(people)} of {rules.approvals} people approved these features"
}

missing_approvals contains {"code": "ROLE_MISSING", "msg": $"nobody with role {role} approved"} if {
	some role in rules.roles
	not role in {approval.role | some approval in valid_approvals}
}
