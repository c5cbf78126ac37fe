package lab.docs

personas := {one.name | some one in input.personas}

capabilities := input.document.capabilities

kpis := {one.name | some one in input.document.kpis}

running contains one.metadata.name if {
	some one in input.facts.platform
	one.status.readyReplicas > 0
}

# What each area rests on.
home := {
	"feature-store": "feast",
	"experimentation": "mlflow",
	"registry": "mlflow",
	"deployment": "serving",
	"governance": "opa",
}

deny contains $"persona {name} of the lab is not on the canvas" if {
	some name in (personas - {one.persona | some one in input.document.personas})
}

deny contains $"the lab has no persona {name}" if {
	some name in ({one.persona | some one in input.document.personas} - personas)
}

deny contains $"no capability serves persona {name}" if {
	some name in (personas - {who | some one in capabilities; some who in one.personas})
}

deny contains $"capability {one.name}: the lab has no persona {who}" if {
	some one in capabilities
	some who in one.personas
	not who in personas
}

deny contains $"KPI {name} is moved by no capability" if {
	some name in (kpis - {kpi | some one in capabilities; some kpi in one.kpis})
}

deny contains $"capability {one.name}: there is no KPI {kpi} below kpis" if {
	some one in capabilities
	some kpi in one.kpis
	not kpi in kpis
}

deny contains $"no capability is of area {area}" if {
	some area in ((object.keys(home) | {"tenancy"}) - {one.area | some one in capabilities})
}

deny contains $"capability {one.name}: {one.service} is not what area {one.area} rests on" if {
	some one in capabilities
	home[one.area] != one.service
}

deny contains $"capability {one.name}: no {one.service} runs on the platform" if {
	some one in capabilities
	not one.service in running
}

deny contains $"no capability rests on service {one.name}" if {
	some one in input.services
	not one.name in {capability.service | some capability in capabilities}
}

deny contains $"KPI {one.name}: baseline and target are the same" if {
	some one in input.document.kpis
	one.baseline == one.target
}

deny contains $"no KPI has source {source}" if {
	some source in ({"lifecycle", "showback", "usability"} - {one.source | some one in input.document.kpis})
}
