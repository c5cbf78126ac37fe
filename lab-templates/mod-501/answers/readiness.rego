package lab.docs

texts := input.facts.docs[0].data

catalog := yaml.unmarshal(texts["service-catalog.yaml"])

promised[one.name] := one.slo.objective_percent if some one in catalog.services

slos[one.service] := one if some one in input.document.slos

# How long OPA takes for a decision, as OPA itself counts it.
metric := "http_request_duration_seconds"

decisions := object.get(input.facts.total, $"{metric}_count", 0)

# Others ask meanwhile, so the share lies between what was counted before and after the quick ones.
later := object.get(input.facts.total_after, $"{metric}_count", decisions)

quick["0.01"] := object.get(input.facts.within_10ms, $"{metric}_bucket", 0)

quick["0.1"] := object.get(input.facts.within_100ms, $"{metric}_bucket", 0)

there contains {"side": $"team-{letter}", "kind": kind, "name": one.metadata.name} if {
	some kind, fact in {"ResourceQuota": "quotas", "LimitRange": "ranges", "NetworkPolicy": "networks"}
	some letter in ["a", "b"]
	some one in input.facts[$"{fact}_{letter}"]
}

deny contains "service-catalog.yaml is not there yet, or is no YAML: write it first" if not catalog.services

deny contains $"service {one} is there for people and has no SLO" if {
	some one in {"mlflow", "opa"}
	not slos[one]
}

deny contains $"{name}: the objective is {one.objective_percent} %, the catalog promises something else" if {
	some name, one in slos
	one.objective_percent != promised[name]
}

deny contains $"{name} is not in the catalog" if {
	some name, _ in slos
	catalog.services
	not promised[name]
}

deny contains msg if {
	some name, one in slos
	budget := ((one.window_days * 1440) * (100 - one.objective_percent)) / 100
	abs(budget - one.error_budget_minutes) > 0.5
	msg := $"{name}: {one.objective_percent} % of {one.window_days} days leave other than {one.error_budget_minutes} minutes"
}

deny contains $"opa has answered {decisions} questions so far: put the twelve cases to it, then measure" if {
	decisions < 12
}

deny contains $"opa: its SLI is a metric of its own: {metric} with le 0.01 or 0.1" if {
	not slos.opa.sli.metric == metric
}

deny contains $"opa: its SLI is a metric of its own: {metric} with le 0.01 or 0.1" if {
	not quick[object.get(slos.opa, ["sli", "le"], "none")]
}

deny contains $"opa: measured_percent is {said}, the metrics say otherwise: measure anew, over some hundred answers" if {
	decisions >= 12
	said := slos.opa.measured_percent
	not measured(said)
}

measured(percent) if {
	answered := quick[slos.opa.sli.le]
	percent >= ((100 * answered) / later) - 0.5
	percent <= ((100 * answered) / decisions) + 0.5
}

deny contains "opa: measured_percent is missing: the share of quick answers when you looked" if {
	not slos.opa.measured_percent
}

deny contains $"mlflow: its SLI is a probe of {one.health}, which answered {input.facts.mlflow.status}" if {
	some one in input.services
	one.name == "mlflow"
	[object.get(slos.mlflow, ["sli", "probe"], ""), input.facts.mlflow.status] != [one.health, 200]
}

deny contains $"{name}: ConfigMap docs has no {one.runbook}" if {
	some name, one in slos
	not texts[one.runbook]
}

deny contains $"{one.runbook}: section ## {title} is missing, or says next to nothing" if {
	some _, one in slos
	found := sections(texts[one.runbook])
	some title in ["Symptoms", "Check", "Mitigate", "Escalate"]
	count(object.get(found, title, "")) < 60
}

sections(text) := {title: body |
	some part in array.slice(split(text, "\n## "), 1, 99)
	title := trim_space(split(part, "\n")[0])
	body := trim_space(substring(part, count(split(part, "\n")[0]), -1))
}

deny contains $"criterion {one.id}: {one.evidence.side} has no {one.evidence.kind} {one.evidence.name}" if {
	some one in input.document.criteria
	not one.evidence in there
}

deny contains $"no criterion rests on a {kind} of {side}" if {
	some side in ["team-a", "team-b"]
	some kind in ["ResourceQuota", "LimitRange", "NetworkPolicy"]
	rests := {one.evidence.kind | some one in input.document.criteria; one.evidence.side == side}
	not kind in rests
}
