# METADATA
# title: Access to the platform API
# description: Yours to finish; what has to be decided is in task policy, by which data in lab.api.
package lab.access

policy_version := "access/0"

default allow := false

allow if count(deny) == 0

# METADATA
# title: A call that cannot be judged is refused
# labels: {control: API-1}
deny contains violation("API-1", reason) if some reason in unjudgeable

# METADATA
# title: Nobody is let in before API-1 to API-5 are written
# labels: {control: API-0}
deny contains violation("API-0", {"code": "UNFINISHED", "msg": "this policy is not finished"})

violation(control, reason) := object.union(reason, {"control": control})

# More than this can be missing, or malformed.
unjudgeable contains {"code": "INPUT_INCOMPLETE", "msg": $"the input lacks {field}"} if {
	some field in {"actor.user", "actor.tenant"}
	object.get(input, split(field, "."), "") == ""
}
