package lab.docs

personas := {one.id | some one in input.document.personas}

running := {one.name | some one in input.services} | {"learner-api"}

backing := {one.backing | some one in input.document.capabilities}

deny contains $"no capability is backed by {name}, which runs in this lab" if some name in (running - backing)

deny contains $"capability {one.id} is backed by {one.backing}; there are {running}" if {
	some one in input.document.capabilities
	not one.backing in running
}

deny contains $"capability {one.id} leaves out persona {name}: say none, assisted or self-service" if {
	some one in input.document.capabilities
	some name in (personas - object.keys(one.serves))
}

deny contains $"capability {one.id} serves {name}, who is no persona of the canvas" if {
	some one in input.document.capabilities
	some name in (object.keys(one.serves) - personas)
}

deny contains $"persona {name} can do nothing by themselves" if {
	some name in personas
	not helped(name)
}

helped(name) if {
	some one in input.document.capabilities
	one.serves[name] == "self-service"
}

deny contains $"KPI {one.id} is about persona {one.persona}, who is not in the canvas" if {
	some one in input.document.kpis
	not one.persona in personas
}

deny contains $"KPI {one.id} has reached its target already: baseline and target are {one.target}" if {
	some one in input.document.kpis
	one.baseline == one.target
}

deny contains $"KPI {one.id} is due on {one.due}, which is over" if {
	some one in input.document.kpis
	time.parse_rfc3339_ns($"{one.due}T00:00:00Z") < time.now_ns()
}

deny contains "ids of KPIs are unique" if {
	count({one.id | some one in input.document.kpis}) < count(input.document.kpis)
}

deny contains "all KPIs come from one source: what people say and what machines count are two" if {
	count({one.source | some one in input.document.kpis}) < 2
}
