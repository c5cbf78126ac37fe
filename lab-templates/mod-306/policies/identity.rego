# Belongs to the promotion policy and adds what an organisation of many teams needs: an account is
# no person, a stand-in is no second pair of eyes, and roles are given, not claimed.
package lab.promotion

# METADATA
# title: One person is one person, however the name is written
# labels: {control: SOD-4}
deny contains objection("SOD-4", "SAME_PERSON", msg) if {
	some approval in input.approvals
	some [did, who] in involved
	same(approval.user, who)
	msg := $"{approval.user} is {who}, who {did}, and cannot approve it"
}

# METADATA
# title: One person is counted once
# labels: {control: SOD-4}
deny contains objection("SOD-4", "COUNTED_TWICE", msg) if {
	some i, one in input.approvals
	some k, other in input.approvals
	i < k
	same(one.user, other.user)
	msg := $"{one.user} and {other.user} are one person, and one approval"
}

# METADATA
# title: Who stands in for somebody does not approve what that person asked for or made
# labels: {control: SOD-5}
deny contains objection("SOD-5", "DELEGATE_APPROVAL", msg) if {
	some approval in input.approvals
	some delegation in data.lab.delegations
	same(delegation.to, approval.user)
	some [did, who] in involved
	same(delegation.from, who)
	not over(delegation)
	msg := $"{approval.user} stands in for {who}, who {did}, until {delegation.until}"
}

# METADATA
# title: A role counts where the organisation gave it
# labels: {control: ORG-1}
deny contains objection("ORG-1", "ROLE_NOT_GIVEN", msg) if {
	some approval in input.approvals
	not given_role(approval)
	msg := $"the organisation knows no {approval.user} with role {approval.role}"
}

objection(control, code, msg) := {"control": control, "code": code, "msg": msg}

involved contains ["asked for this change", input.request.requester]

involved contains ["trained this version", input.model.author]

same(one, other) if lower(one) == lower(other)

# Of an end that nobody can read, nobody knows that it has come.
over(delegation) if time.parse_rfc3339_ns(input.now) >= time.parse_rfc3339_ns(delegation.until)

given_role(approval) if approval.role in data.lab.people[lower(approval.user)].roles
