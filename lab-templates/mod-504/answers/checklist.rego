package lab.docs

service := input.facts.service.body.spec

deny contains "Feast has no feature service fraud_v1 yet" if input.facts.service.status != 200

columns[part.featureViewName] := {column.name | some column in part.featureColumns} if {
	some part in service.features
}

views[view.spec.name] := view.spec if {
	some view in input.facts.views.body.featureViews
	columns[view.spec.name]
}

fields contains [$"{name}.{field.name}", field] if {
	some name, view in views
	some field in view.features
	field.name in columns[name]
}

limits := input.facts.approval

measured[$"{row.feature_view_name}.{row.feature_name}"] := row if some row in input.facts.baseline.body

# What each control finds wrong; a control that finds nothing is met.
wrong["FGV-1"] contains what if {
	some what, part in object.union({"fraud_v1": service}, views)
	not regex.match(limits.owner, object.get(part, "owner", ""))
}

wrong["FGV-1"] contains $"source {source.name}" if {
	some source in input.facts.sources.body.dataSources
	not regex.match(limits.owner, object.get(source, "owner", ""))
}

wrong["FGV-2"] contains what if {
	some [what, field] in fields
	not object.get(field, ["tags", "pii"], "") in limits.pii
}

wrong["FGV-2"] contains what if {
	some [what, field] in fields
	field.tags.pii == "direct"
	not object.get(service, ["tags", "consumer_class"], "") in limits.direct_consumers
}

wrong["FGV-3"] contains what if {
	some what, part in object.union({"fraud_v1": service}, views)
	object.get(part, "description", "") == ""
}

wrong["FGV-3"] contains what if {
	some [what, field] in fields
	object.get(field, "description", "") == ""
}

wrong["FGV-4"] contains name if {
	some name, view in views
	not keeps(view)
}

keeps(view) if {
	lives := to_number(trim_suffix(view.ttl, "s"))
	promised := time.parse_duration_ns(view.tags.freshness_slo) / 1000000000
	promised <= lives
}

wrong["FGV-5"] contains what if {
	some [what, _] in fields
	not sound(what)
}

sound(what) if {
	measured[what].row_count >= limits.quality.min_rows
	measured[what].null_rate <= limits.quality.max_null_rate
}

wrong["FGV-7"] contains "fraud_v1" if object.get(service, ["tags", "status"], "") != "approved"

wrong["FGV-9"] contains what if {
	some name, _ in views
	some what, reached in {
		$"{name} has no source": into(name, "dataSource"),
		$"{name} has no entity": into(name, "entity"),
	}
	count(reached) == 0
}

into(view, kind) := {edge.source.name |
	some edge in input.facts.lineage.body.relationships
	edge.source.type == kind
	edge.target.name == view
}

wrong["FGV-10"] contains name if {
	some name in (object.keys(views) | {field.name | some [_, field] in fields})
	not regex.match(`^[a-z][a-z0-9_]*$`, name)
}

wrong["FGV-10"] contains one.spec.name if {
	some one in input.facts.services.body.featureServices
	one.spec.name != "fraud_v1"
	object.get(one.spec, ["tags", "sunset"], "") == ""
}

judged := {"FGV-1", "FGV-2", "FGV-3", "FGV-4", "FGV-5", "FGV-7", "FGV-9", "FGV-10"}

deny contains $"{control} is said to be met, and is not: {concat(", ", found)}" if {
	some control in judged
	found := object.get(wrong, control, set())
	count(found) > 0
	input.document.controls[control].met
}

deny contains $"{control} is not met: mend it, then say so" if {
	some control in judged
	count(object.get(wrong, control, set())) > 0
	not input.document.controls[control].met
}

deny contains $"{control} is met, the checklist says it is not" if {
	some control in judged
	count(object.get(wrong, control, set())) == 0
	not input.document.controls[control].met
}

deny contains $"{control} is for tests to tell: they have to pass, and the checklist to say so" if {
	some control in ["FGV-6", "FGV-8"]
	not input.document.controls[control].met
}

deny contains "approval is not the request by which fraud_v1 was approved" if {
	input.facts.service.status == 200
	object.get(service, ["tags", "approval_id"], "") != input.document.approval
}
