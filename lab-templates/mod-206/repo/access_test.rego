package lab.access_test

import data.lab.access

test_unfinished if access.policy_version == "access/0"

test_nobody_is_let_in if not access.allow with input as {}

test_no_reason_no_refusal if access.allow with access.deny as set()

test_a_call_of_nobody_is_refused if {
	some reason in access.deny with input as {"actor": {"tenant": "team-a"}}
	reason.control == "API-1"
}
