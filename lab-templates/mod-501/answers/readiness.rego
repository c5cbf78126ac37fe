package lab.docs

texts := input.facts.docs[0].data

catalog := yaml.unmarshal(texts["service-catalog.yaml"])

promised[one.name] := one.slo.objective_percent if some one in catalog.services

slos[one.service] := one if some one in input.document.slos

# How long OPA takes for a decision, as OPA itself counts it.
metric := "http_request_duration_seconds"

decisions := object.get(input.facts.total, $"{metric}_count", 0)

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

deny contains $"{name}: the objective is {one.objective_percent} %, the catalog promises {promised[name]} %" if {
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
	msg := $"{name}: {one.objective_percent} % of {one.window_days} days leave {budget} minutes, not {one.error_budget_minutes}"
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

deny contains $"opa: measured_percent is {said}, the metrics say {live}" if {
	decisions >= 12
	live := (100 * quick[slos.opa.sli.le]) / decisions
	said := slos.opa.measured_percent
	abs(said - live) > 5
}

deny contains "opa: measured_percent is missing: the share of quick answers when you looked" if {
	not slos.opa.measured_percent
}

deny contains $"mlflow: its SLI is a probe of {one.health}, which answered {input.facts.mlflow.status}" if {
	some one in input.services
	one.name == "mlflow"
	[object.get(slos.mlflow, ["sli", "probe"], ""), input.facts.mlflow.status] != [one.health, 200]
}

deny contains $"{name}: ConfigMap docs has no {one.runbook}, or it says next to nothing" if {
	some name, one in slos
	count(object.get(texts, one.runbook, "")) < 300
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
