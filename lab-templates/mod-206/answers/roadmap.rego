package lab.docs

canvas := yaml.unmarshal(input.facts.docs[0].data["canvas.yaml"])

kpis := {one.id | some one in canvas.kpis}

personas := {one.id | some one in canvas.personas}

published := input.facts.roadmap[0]

deny contains "there is no canvas.yaml in ConfigMap docs to hold it against" if not canvas

deny contains "it is not published: label ConfigMap roadmap with published=true" if {
	not published.metadata.labels.published == "true"
}

deny contains "what is published stays as it is: set immutable: true on ConfigMap roadmap" if {
	not published.immutable
}

deny contains $"item {one.id} moves KPI {name}, which is not in the canvas" if {
	some one in input.document.items
	some name in one.kpis
	not name in kpis
}

deny contains $"nothing on the roadmap moves KPI {name}" if {
	some name in (kpis - {moved | some one in input.document.items; some moved in one.kpis})
}

deny contains $"item {one.id} is for persona {one.persona}, who is not in the canvas" if {
	some one in input.document.items
	not one.persona in personas
}

deny contains $"no item is planned for {when}" if {
	some when in ({"now", "next", "later"} - {one.when | some one in input.document.items})
}

deny contains $"no item is there because of {what}" if {
	some what, pattern in {"what a user said (F1, F2 …)": "^F[0-9]+$", "usage": "^usage$"}
	count([1 | some one in input.document.items; some why in one.because; regex.match(pattern, why)]) == 0
}
