package lab.docs

promotion := input.document.promotion

versions[one.version] := {tag.key: tag.value | some tag in one.tags} if {
	some one in input.facts.versions.body.model_versions
}

number := $"{promotion.production_version}"

tags := versions[number]

people(text) := {one | some one in split(text, ",")}

deny contains $"fraud has no version {promotion.production_version}" if not tags

deny contains $"version {promotion.production_version} was not approved as {promotion.request}" if {
	tags.approval_id != promotion.request
}

deny contains "promotion.approved_by are not those who approved" if {
	people(tags.approved_by) != {one | some one in promotion.approved_by}
}

deny contains "promotion.evidence_digest is not the one that was approved" if tags.evidence_digest != promotion.evidence_digest

listed := {one.id: one.state | some one in input.facts.promotions.body.items}

deny contains $"the platform API knows no promotion {promotion.request} that was executed" if {
	object.get(listed, promotion.request, "") != "executed"
}

features := input.document.features

said := input.facts.service.body.spec.tags

deny contains "Feast has no feature service fraud_v2" if not said

deny contains $"Feast does not say that {features.service} was approved as {features.request}" if {
	object.get(said, "approval_id", "") != features.request
}

deny contains "features.approved_by are not those who approved" if {
	people(said.approved_by) != {one | some one in features.approved_by}
}

deny contains "features.evidence_digest is not the one that was approved" if said.evidence_digest != features.evidence_digest

noted := {tag.key: tag.value | some tag in input.facts.candidate.body.model_version.tags}

compared := input.facts.canary.body

deny contains $"tag canary.{field} of candidate 2 is not what the API answers with what is in production now" if {
	some field in ["requests", "flipped_percent"]
	not measured(field)
}

measured(field) if abs(to_number(noted[$"canary.{field}"]) - compared[field]) < 0.01

rows[one.name] := one if some one in input.facts.lifecycle.models

deny contains $"figures of {name}: {field} is not {value} by the audit log" if {
	some name, figures in input.document.figures
	some field, value in figures
	rows[name][field] != value
}

deny contains $"figures of {name} are missing" if {
	some name in ["fraud", features.service]
	not input.document.figures[name]
}

deny contains $"figures: the audit log knows nothing of {name}" if {
	some name, _ in input.document.figures
	not rows[name]
}
