package lab.budget_test

import data.lab.budget

organisation := {
	"prices": {
		"cpu_core_hour": 0.04,
		"memory_gib_hour": 0.005,
		"storage_gib_month": 0.1,
		"hours": 730,
	},
	"budgets": {"team-a": 60, "team-b": 40},
	"capacity": {"cpu": 4, "memory_gib": 16, "storage_gib": 100, "reserve": 0.1},
}

hard(cpu, memory, storage) := {
	"requests.cpu": cpu,
	"requests.memory": memory,
	"requests.storage": storage,
}

small := hard("500m", "2Gi", "10Gi")

is_empty(codes) if {
	codes == set()
} else := false

test_decisions[name] if {
	some name, [quotas, codes] in {
		"within": [{"team-a": small, "team-b": small}, set()],
		"exactly the budget": [{"team-a": hard("2", "0", "16Gi")}, set()],
		"over by cpu": [{"team-a": hard("2100m", "0", "0"), "team-b": small}, {"OVER_BUDGET"}],
		"over by memory": [{"team-b": hard("1", "4Gi", "1Gi")}, {"OVER_BUDGET"}],
		"over by storage": [{"team-b": hard("1", "2Gi", "40Gi")}, {"OVER_BUDGET"}],
		"no memory": [{"team-a": object.remove(small, ["requests.memory"])}, {"QUOTA_INCOMPLETE"}],
		"no number": [{"team-a": hard("many", "2Gi", "1Gi")}, {"QUOTA_INCOMPLETE"}],
		"no tenant": [{}, {"QUOTAS_MISSING"}],
		"unknown tenant": [{"team-c": small}, {"BUDGET_MISSING"}],
		"no reserve left": [
			{"team-a": hard("1", "7Gi", "1Gi"), "team-b": hard("100m", "8Gi", "1Gi")},
			{"CAPACITY"},
		],
	}
	answer := budget with input as {"quotas": quotas} with data.lab.prices as organisation.prices
		with data.lab.budgets as organisation.budgets
		with data.lab.capacity as organisation.capacity
	{one.code | some one in answer.deny} == codes
	answer.allow == is_empty(codes)
}

test_no_question if {
	answer := budget with input as {} with data.lab.prices as organisation.prices
		with data.lab.capacity as organisation.capacity
	not answer.allow
	{one.code | some one in answer.deny} == {"QUOTAS_MISSING"}
}

test_reasons_name_what_was_found if {
	answer := budget with input as {"quotas": {"team-b": hard("1", "4Gi", "1Gi")}}
		with data.lab.prices as organisation.prices
		with data.lab.budgets as organisation.budgets
		with data.lab.capacity as organisation.capacity
	some reason in answer.deny
	reason.msg == "the quota of team-b costs 43.9 a month, its budget is 40"
	reason.control == "FIN-1"
}

test_no_numbers if {
	answer := budget with input as {"quotas": {"team-a": small}}
		with data.lab.prices as object.remove(organisation.prices, ["hours"])
		with data.lab.budgets as organisation.budgets
		with data.lab.capacity as object.union(organisation.capacity, {"cpu": "four"})
	not answer.allow
	{one.msg | some one in answer.deny; one.code == "NUMBERS_MISSING"} == {
		"data.lab.prices.hours is no number",
		"data.lab.capacity.cpu is no number",
	}
}
