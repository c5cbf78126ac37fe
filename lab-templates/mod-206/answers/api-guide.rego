package lab.docs

paths := input.facts.openapi.body.paths

operations[one.operationId] := one if {
	some methods in paths
	some one in methods
	one.operationId
}

deny contains $"the API answers {input.facts.openapi.status} to /openapi.json" if not paths

deny contains $"operation {name} has no example" if some name in (object.keys(operations) - object.keys(input.document.operations))

deny contains $"{name} is no operation of the API" if some name in (object.keys(input.document.operations) - object.keys(operations))

deny contains $"{upper(method)} {path}: OpenAPI says no {field} of it" if {
	some path, methods in paths
	startswith(path, "/v1/")
	some method, one in methods
	some field in ["operationId", "summary", "tags"]
	not one[field]
}

deny contains $"{upper(method)} {path}: OpenAPI says nothing of {status}" if {
	some path, methods in paths
	startswith(path, "/v1/")
	some method, one in methods
	some status in ["401", "403"]
	not one.responses[status]
}

explained := {one.status | some one in input.document.errors}

deny contains $"status {status} is in OpenAPI, and not in the table of errors" if {
	some one in operations
	some status, _ in one.responses
	to_number(status) >= 400
	not to_number(status) in explained
}

nobody := input.facts.nobody

code := object.get(nobody, ["body", "code"], "nothing")

deny contains $"without a token the API says code {code}, which the table of errors does not explain" if {
	not code in {one.code | some one in input.document.errors; one.status == nobody.status}
}

deny contains "no decision says why it is REST and not gRPC, or the other way round" if {
	count([one | some one in input.document.decisions; contains(lower(one.question), "grpc")]) == 0
}
