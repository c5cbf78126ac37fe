package system.authz_test

import data.system.authz
import data.system.log

tokens := {"learner-token": "learner", "operator-token": "operator"}

request(method, path) := {"identity": "learner-token", "method": method, "path": path}

by_operator(method, path) := {"identity": "operator-token", "method": method, "path": path}

test_learner_allowed[name] if {
	some name, req in {
		"decision": request("POST", ["v1", "data", "lab", "promotion"]),
		"one rule": request("POST", ["v1", "data", "lab", "promotion", "allow"]),
		"data": request("GET", ["v1", "data", "lab"]),
		"policies": request("GET", ["v1", "policies"]),
		"one policy": request("GET", ["v1", "policies", "policies", "promotion.rego"]),
		"metrics": request("GET", ["metrics"]),
	}
	authz.allow with input as req with data.tokens as tokens
}

test_learner_refused[name] if {
	some name, req in {
		"policy write": request("PUT", ["v1", "policies", "policies", "promotion.rego"]),
		"policy delete": request("DELETE", ["v1", "policies", "policies", "promotion.rego"]),
		"data write": request("PUT", ["v1", "data", "lab"]),
		"data patch": request("PATCH", ["v1", "data", "lab"]),
		"tokens": request("GET", ["v1", "data", "tokens"]),
		"tokens by post": request("POST", ["v1", "data", "tokens"]),
		"all data": request("GET", ["v1", "data"]),
		"system": request("POST", ["v1", "data", "system", "authz"]),
		"query": request("POST", ["v1", "query"]),
		"compile": request("POST", ["v1", "compile"]),
		"default decision": request("POST", []),
		"version 0": request("POST", ["v0", "data", "lab"]),
		"config": request("GET", ["v1", "config"]),
		"metrics by post": request("POST", ["metrics"]),
	}
	not authz.allow with input as req with data.tokens as tokens
}

test_operator_allowed[name] if {
	some name, req in {
		"decision": by_operator("POST", ["v1", "data", "lab", "promotion"]),
		"one rule": by_operator("POST", ["v1", "data", "lab", "features", "allow"]),
		"policies": by_operator("GET", ["v1", "policies"]),
	}
	authz.allow with input as req with data.tokens as tokens
}

test_operator_refused[name] if {
	some name, req in {
		"everything of the lab": by_operator("POST", ["v1", "data", "lab"]),
		"data": by_operator("GET", ["v1", "data", "lab", "approval_matrix"]),
		"one policy": by_operator("GET", ["v1", "policies", "policies", "promotion.rego"]),
		"policy write": by_operator("PUT", ["v1", "policies", "policies", "promotion.rego"]),
		"policy delete": by_operator("DELETE", ["v1", "policies", "policies", "promotion.rego"]),
		"data write": by_operator("PUT", ["v1", "data", "lab", "freeze_calendar"]),
		"data patch": by_operator("PATCH", ["v1", "data", "lab", "freeze_calendar"]),
		"data delete": by_operator("DELETE", ["v1", "data", "lab", "freeze_calendar"]),
		"tokens": by_operator("GET", ["v1", "data", "tokens"]),
		"tokens by post": by_operator("POST", ["v1", "data", "tokens"]),
		"system": by_operator("POST", ["v1", "data", "system", "authz"]),
		"policies by post": by_operator("POST", ["v1", "policies"]),
		"query": by_operator("POST", ["v1", "query"]),
		"compile": by_operator("POST", ["v1", "compile", "lab", "promotion"]),
		"default decision": by_operator("POST", []),
		"version 0": by_operator("POST", ["v0", "data", "lab", "promotion"]),
		"config": by_operator("GET", ["v1", "config"]),
		"metrics": by_operator("GET", ["metrics"]),
	}
	not authz.allow with input as req with data.tokens as tokens
}

test_probe_allowed if authz.allow with input as {"method": "GET", "path": ["health"]}

test_others_refused[name] if {
	decision := {"method": "POST", "path": ["v1", "data", "lab", "promotion"]}
	some name, req in {
		"anonymous": decision,
		"empty token": object.union(decision, {"identity": ""}),
		"metrics": {"method": "GET", "path": ["metrics"]},
		"health write": {"method": "POST", "path": ["health"]},
		"unknown token": object.union(decision, {"identity": "guess"}),
	}
	not authz.allow with input as req with data.tokens as tokens
}

test_credentials_masked if {
	{"/input/token", "/input/password"} & log.mask == {"/input/token", "/input/password"}
}
