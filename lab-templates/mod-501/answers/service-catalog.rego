package lab.docs

entries[one.name] := one if some one in input.document.services

running contains {"side": side, "name": one.metadata.name} if {
	some fact, side in {"sets_platform": "platform", "deployments_platform": "platform", "sets_learner": "learner"}
	some one in input.facts[fact]
	one.metadata.labels["app.kubernetes.io/managed-by"] == "practicum"
}

ports[one.metadata.name] contains port.port if {
	some one in input.facts.services
	some port in one.spec.ports
}

exposed contains one.component if some one in input.services

personas := {one.name | some one in input.personas}

deny contains $"{one.name} runs on side {one.side} and is not in the catalog" if {
	some one in running
	not one in {{"side": entry.side, "name": name} | some name, entry in entries}
}

deny contains $"{name} is said to run on side {entry.side}: no workload of that name does" if {
	some name, entry in entries
	not {"side": entry.side, "name": name} in running
}

deny contains $"{name}: its Service does not listen on port {object.get(entry, "port", "nothing")}" if {
	some name, entry in entries
	ports[name]
	not object.get(entry, "port", 0) in ports[name]
}

deny contains $"mlflow: its tenancy is {entries.mlflow.tenancy}, the server's own word is another" if {
	input.facts.mlflow.body.workspaces_enabled == true
	entries.mlflow.tenancy != "workspace"
}

deny contains $"{name}: tenancy {entry.tenancy}, users {entry.users}; do people reach it, or services alone?" if {
	some name, entry in entries
	not name in exposed
	entry.side == "platform"
	[entry.tenancy, entry.users] != ["internal", []]
}

deny contains $"{name} is there for people: which of the personas use it? ({concat(", ", personas)})" if {
	some name, entry in entries
	name in exposed
	count({one | some one in entry.users} & personas) == 0
}

deny contains $"{name} depends on {other}, which is not in the catalog" if {
	some name, entry in entries
	some other in entry.depends_on
	not entries[other]
}

deny contains "mlflow: depends_on does not say where it keeps what it knows" if {
	not "postgres" in entries.mlflow.depends_on
}

deny contains msg if {
	some name, entry in entries
	some other in entry.depends_on
	below := entries[other].slo.objective_percent
	entry.slo.objective_percent > below
	msg := $"{name} promises {entry.slo.objective_percent} %, {other} that it depends on only {below} %"
}
