package lab.docs

texts := input.facts.docs[0].data

catalog := yaml.unmarshal(texts["service-catalog.yaml"])

offered := {one.name | some one in catalog.services}

metrics[one.name] := one if some one in input.document.metrics

personas[one.name] := one if some one in input.document.personas

deny contains "service-catalog.yaml is not there yet, or is no YAML: write it first" if not catalog.services

deny contains $"persona {one.name} of this lab is missing" if {
	some one in input.personas
	not personas[one.name]
}

deny contains "all personas are those of the lab: who from product or research uses the platform?" if {
	count(object.keys(personas) - {one.name | some one in input.personas}) == 0
}

deny contains $"{name} uses {service}, which the catalog does not have" if {
	some name, one in personas
	some service in one.uses
	catalog.services
	not service in offered
}

deny contains $"{name} is measured by {one.measured_by}, which is not among the metrics" if {
	some name, one in personas
	not metrics[one.measured_by]
}

deny contains $"metric {name} measures nothing for anybody: no persona names it" if {
	some name, _ in metrics
	not name in {one.measured_by | some one in personas}
}

deny contains $"metric {name} should go {one.better}, but goes from {one.baseline} to {one.target}" if {
	some name, one in metrics
	not improves(one)
}

improves(one) if {
	one.better == "up"
	one.target > one.baseline
}

improves(one) if {
	one.better == "down"
	one.target < one.baseline
}
