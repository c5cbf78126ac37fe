package lab.docs

service := input.facts.service.body.spec

deny contains "Feast has no feature service fraud_v2" if not service

views[one.spec.name] := one.spec if some one in input.facts.views.body.featureViews

deny contains "owner is not the one that Feast names" if input.document.owner != service.owner

deny contains "tenant is not the one that the service is tagged with" if input.document.tenant != service.tags.tenant

columns[name] := field if {
	some part in service.features
	some column in part.featureColumns
	name := column.name
	some field in views[part.featureViewName].features
	field.name == name
}

stated[one.name] := one if some one in input.document.fields

deny contains $"field {name} is not in the contract" if some name in (object.keys(columns) - object.keys(stated))

deny contains $"field {name} is not in the service" if some name in (object.keys(stated) - object.keys(columns))

deny contains $"field {name} is not of type {stated[name].type}" if {
	some name, field in columns
	upper(stated[name].type) != field.valueType
}

deny contains $"field {name}: pii is not {stated[name].pii}" if {
	some name, field in columns
	stated[name].pii != field.tags.pii
}

used := {part.featureViewName | some part in service.features}

deny contains $"view {name}: its values do not live {input.document.ttl_hours} hours" if {
	some name in used
	to_number(trim_suffix(views[name].ttl, "s")) != input.document.ttl_hours * 3600
}

deny contains $"view {name} does not promise {input.document.freshness_slo}" if {
	some name in used
	views[name].tags.freshness_slo != input.document.freshness_slo
}

deny contains "the policy that decides has no limits of quality: is lab.feature_approval in its data?" if {
	not input.facts.approval.quality
}

deny contains $"quality: {field} is {input.document.quality[field]}, the policy asks for something else" if {
	some field, limit in input.facts.approval.quality
	input.document.quality[field] != limit
}

purposes := {purpose | some list in input.facts.api.purposes; some purpose in list}

deny contains $"consumer {one.tenant}: {one.purpose} is no purpose of the policy" if {
	some one in input.document.consumers
	not one.purpose in purposes
}

deny contains $"consumer {one.tenant} is no tenant of the policy" if {
	some one in input.document.consumers
	not input.facts.api.tenants[one.tenant]
}
