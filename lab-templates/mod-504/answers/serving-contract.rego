package lab.docs

request := input.document.request

deny contains "Feast has no feature service fraud_v1 yet" if input.facts.service.status != 200

deny contains $"the server has no {request.method} {request.path}: read /openapi.json" if {
	not input.facts.openapi.body.paths[request.path][lower(request.method)]
}

columns[column.name] := column if {
	some part in input.facts.service.body.spec.features
	some column in part.featureColumns
}

stated[one.name] := one if some one in input.document.features

deny contains $"feature {name} of fraud_v1 is not in the contract" if {
	some name, _ in columns
	not stated[name]
}

deny contains $"the contract has feature {name}, fraud_v1 has not" if {
	some name, _ in stated
	not columns[name]
}

deny contains $"feature {name} is {column.valueType}, the contract says {stated[name].type}" if {
	some name, column in columns
	stated[name].type != column.valueType
}

slo[view.spec.name] := view.spec.tags.freshness_slo if some view in input.facts.views.body.featureViews

deny contains $"feature {column.name} is as fresh as view {part.featureViewName} promises: {promise}" if {
	some part in input.facts.service.body.spec.features
	some column in part.featureColumns
	promise := slo[part.featureViewName]
	stated[column.name].freshness != promise
}

answered := {name | some name in input.facts.answer.body.metadata.feature_names}

keys := {key | some key in request.keys}

deny contains $"request.keys {request.keys}: the server answers for other keys" if {
	input.facts.answer.status == 200
	answered != keys | {name | some name, _ in columns}
}

cases := {
	"unknown-service": input.facts.unknown_service.status,
	"missing-key": input.facts.missing_key.status,
	"wrong-type": input.facts.wrong_type.status,
	"malformed": input.facts.malformed.status,
}

errors[one.case] := one if some one in input.document.errors

deny contains $"errors: case {name} is missing" if {
	some name, _ in cases
	not errors[name]
}

deny contains $"errors: case {name} is answered with another status: try it" if {
	some name, status in cases
	errors[name].status != status
}

unknown := input.document.unknown_entity

deny contains "unknown_entity.status: an entity that nobody knows is answered with another status: try one" if {
	unknown.status != input.facts.unknown_entity.status
}

# What is said of values that are not there.
said := {result.statuses[0] |
	some result in input.facts.unknown_entity.body.results
	result.values[0] == null
}

deny contains "unknown_entity.value_status: the server says something else of its values: try one" if {
	input.facts.unknown_entity.status == 200
	said != {unknown.value_status}
}

deny contains $"staleness.field {input.document.staleness.field} is not in an answer" if {
	some result in input.facts.answer.body.results
	not result[input.document.staleness.field]
}

deny contains "staleness.field is what tells a consumer how old a value is: values and statuses do not" if {
	input.document.staleness.field in {"values", "statuses"}
}

deny contains $"consumers: nobody of kind {kind} is there; who of them asks, and how often?" if {
	some kind in ["model", "workflow", "portal"]
	count([one | some one in input.document.consumers; one.kind == kind]) == 0
}

deny contains $"portal.openapi {input.document.portal.openapi}: the server describes itself elsewhere" if {
	input.document.portal.openapi != "/openapi.json"
}
