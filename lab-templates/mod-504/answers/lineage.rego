package lab.docs

graph contains [edge.source, edge.target] if {
	some edge in input.facts.lineage.body.relationships
}

there contains $"{one.type}/{one.name} to {other.type}/{other.name}" if some [one, other] in graph

given contains $"{edge.from} to {edge.to}" if some edge in input.document.edges

deny contains "Feast has no feature service fraud_v1 yet, so there is nothing to report" if {
	input.facts.service.status != 200
}

deny contains $"edges lack {edge}, which is in Feast's graph" if some edge in (there - given)

deny contains $"edges have {edge}, which is not in Feast's graph" if some edge in (given - there)

sources contains one.name if {
	some [one, _] in graph
	one.type == "dataSource"
}

views(source) := {other.name |
	some [one, other] in graph
	one == {"type": "dataSource", "name": source}
}

features(source) := {one.name |
	some [one, other] in graph
	one.type == "feature"
	other.name in views(source)
}

services(source) := {other.name |
	some [one, other] in graph
	other.type == "featureService"
	one.name in views(source)
}

impact[one.source] := one if some one in input.document.impact

deny contains $"impact does not say what changes with source {source}" if {
	some source in sources
	not impact[source]
}

deny contains $"impact of {source}: features are not those that the graph leads to" if {
	some source in sources
	impact[source]
	{one | some one in impact[source].features} != features(source)
}

deny contains $"impact of {source}: services are not those that the graph leads to" if {
	some source in sources
	impact[source]
	{one | some one in impact[source].services} != services(source)
}
