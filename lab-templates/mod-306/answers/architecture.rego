package lab.docs

side_of[namespace] := side if some side, namespace in input.lab.namespaces

live[place(one)] := "StatefulSet" if some one in input.facts.sets

live[place(one)] := "Deployment" if {
	some fact in ["deployments", "team_a", "team_b"]
	some one in input.facts[fact]
}

ports[place(one)] := {port.port | some port in one.spec.ports} if {
	some fact in ["services", "services_a", "services_b"]
	some one in input.facts[fact]
}

place(one) := $"{side_of[one.metadata.namespace]}/{one.metadata.name}"

elements[$"{one.side}/{one.name}"] := one.kind if some one in input.document.elements

deny contains $"{kind} {where} runs and is not among the elements" if {
	some where, kind in live
	not elements[where]
}

deny contains $"element {where}: nothing of that name runs there" if {
	some where, _ in elements
	not split(where, "/")[0] in {"learner", "control-plane"}
	not live[where]
}

deny contains $"element {where} is a {kind}" if {
	some where, kind in live
	elements[where] != kind
}

deny contains $"relation {one.from} to {one.to}: {end} is no element (they are called side/name)" if {
	some one in input.document.relations
	some end in [one.from, one.to]
	not elements[end]
}

deny contains $"relation {one.from} to {one.to}: nothing listens at port {one.port}" if {
	some one in input.document.relations
	live[one.to]
	not listens(one)
}

listens(relation) if relation.port in ports[relation.to]

deny contains $"element {where} has no relation to any other" if {
	some where, _ in elements
	count([one | some one in input.document.relations; where in {one.from, one.to}]) == 0
}

deny contains $"no relation says where {from} keeps or finds what it works with: {to}" if {
	some [from, to] in [
		["platform/mlflow", "platform/postgres"],
		["platform/feast", "platform/postgres"],
		["platform/serving", "platform/mlflow"],
	]
	count([one | some one in input.document.relations; one.from == from; one.to == to]) == 0
}

deny contains $"relation {one.from} to {one.to}: tenants do not reach each other" if {
	some one in input.document.relations
	sides := {split(one.from, "/")[0], split(one.to, "/")[0]}
	sides == {"team-a", "team-b"}
}

deny contains "decisions: each has an id of its own" if {
	count({one.id | some one in input.document.decisions}) < count(input.document.decisions)
}

deny contains "decisions: none says in its title or its choice how pipelines are orchestrated" if {
	count([one |
		some one in input.document.decisions
		contains(lower($"{one.title} {one.choice}"), "orchestrat")
	]) == 0
}
