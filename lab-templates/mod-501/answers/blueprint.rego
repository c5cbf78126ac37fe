package lab.docs

texts := input.facts.docs[0].data

vision := yaml.unmarshal(texts["vision.yaml"])

roadmap := yaml.unmarshal(texts["roadmap.yaml"])

running contains {"side": side, "component": one.metadata.name} if {
	some fact, side in {
		"sets_platform": "platform",
		"deployments_platform": "platform",
		"sets_learner": "learner",
		"deployments_a": "team-a",
		"deployments_b": "team-b",
	}
	some one in input.facts[fact]
}

placed[plane] contains {"side": one.side, "component": one.component} if {
	some plane, components in input.document.planes
	some one in components
}

drawn := placed.control | placed.data

deny contains $"{one.component} runs on side {one.side} and is on neither plane" if some one in (running - drawn)

deny contains $"{one.component} on side {one.side} is drawn, and nothing of that name runs there" if some one in (drawn - running)

deny contains $"{one.component} of {one.side} is on both planes" if some one in (placed.control & placed.data)

deny contains $"{name} decides about others: it belongs to the control plane" if {
	some name in ["mlflow", "opa"]
	not {"side": "platform", "component": name} in placed.control
}

deny contains $"{one.component} of {one.side} is a tenant's workload: it belongs to the data plane" if {
	some one in placed.control
	startswith(one.side, "team-")
}

guards.compute contains $"{kind}/{one.metadata.name}" if {
	some kind, fact in {"ResourceQuota": "quotas", "LimitRange": "ranges"}
	some letter in ["a", "b"]
	some one in input.facts[$"{fact}_{letter}"]
}

guards.network contains $"NetworkPolicy/{one.metadata.name}" if {
	some letter in ["a", "b"]
	some one in input.facts[$"networks_{letter}"]
}

deny contains $"isolation.{part}: {line}: names none of the objects of yours that do it, as kind/name" if {
	some part in ["compute", "network"]
	some line in input.document.isolation[part]
	count([one | some one in guards[part]; contains(line, one)]) == 0
}

deny contains $"persona {name} is not in vision.yaml" if {
	some name in input.document.personas
	not name in {one.name | some one in vision.personas}
}

deny contains $"KPI {name} is not in roadmap.yaml" if {
	some name in input.document.kpis
	not name in {one.name | some one in roadmap.kpis}
}
