package lab.docs

roadmap := yaml.unmarshal(input.facts.docs[0].data["roadmap.yaml"])

people := input.document.stakeholders

names := {one.name | some one in people}

summary := input.document.summary

deny contains "roadmap.yaml is not there yet, or is no YAML: write it first" if not roadmap.items

deny contains $"nobody is there from {group}" if {
	some group in ["product", "research", "finance", "security"]
	not group in {one.group | some one in people}
}

deny contains $"{one} is asked by the roadmap for whom an item is, and is no stakeholder" if {
	asked := {name | some item in roadmap.items; some name in item.for}
	some one in (asked - names)
}

deny contains $"top_items are {summary.top_items}, the roadmap begins with {first}" if {
	first := [item.id | some item in array.slice(roadmap.items, 0, 3)]
	array.slice(summary.top_items, 0, 3) != first
}

deny contains $"KPI {name} is not in roadmap.yaml" if {
	some name in summary.kpis
	not name in {one.name | some one in roadmap.kpis}
}

deny contains $"{one.by} decides and is no stakeholder" if {
	some one in input.document.decisions
	not one.by in names
}

deny contains "no decision is agreed yet: an aligned packet has one" if {
	not "agreed" in {one.status | some one in input.document.decisions}
}

deny contains $"{one.name} has influence {one.influence} and is told nothing" if {
	some one in people
	one.influence >= 4
	not one.name in {line.to | some line in input.document.communication}
}
