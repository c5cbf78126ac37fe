package system.authz_test

import data.system.authz
import data.system.log

tokens := {"learner-token": "learner"}

request(method, path) := {"identity": "learner-token", "method": method, "path": path}

test_learner_allowed[name] if {
	some name, req in {
		"decision": request("POST", ["v1", "data", "lab", "promotion"]),
		"one rule": request("POST", ["v1", "data", "lab", "promotion", "allow"]),
		"data": request("GET", ["v1", "data", "lab"]),
		"policies": request("GET", ["v1", "policies"]),
		"one policy": request("GET", ["v1", "policies", "policies", "promotion.rego"]),
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
