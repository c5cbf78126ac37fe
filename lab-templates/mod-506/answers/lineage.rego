package lab.docs

found := [one | some one in input.facts.versions.body.model_versions; to_number(one.version) == input.document.version]

tags[one.key] := one.value if some one in found[0].tags

champion := input.facts.champion.body.model_version.version

deny contains $"version {input.document.version} is not the champion of fraud" if {
	to_number(champion) != input.document.version
}

deny contains "MLflow names no champion of fraud" if not champion

deny contains $"fraud has no version {input.document.version}" if count(found) == 0

deny contains $"run_id is not the one of version {input.document.version}" if found[0].run_id != input.document.run_id

deny contains $"{field} is not what the version's tags say" if {
	some field in ["git_commit", "data_digest"]
	count(found) > 0
	object.get(tags, field, "") != input.document[field]
}

deny contains "feature_service is not the one that the version was trained on" if {
	count(found) > 0
	object.get(tags, "feast.feature_service", "") != input.document.feature_service
}

services[one.spec.name] := one.spec if some one in input.facts.services.body.featureServices

views := {one.featureViewName | some one in services[input.document.feature_service].features}

deny contains "views are not those of the feature service" if {
	services[input.document.feature_service]
	views != {one | some one in input.document.views}
}

deny contains $"Feast knows no feature service {input.document.feature_service}" if not services[input.document.feature_service]

entities := {entity |
	some one in input.facts.views.body.featureViews
	one.spec.name in views
	some entity in one.spec.entities
}

deny contains "entities are not those of the views" if {
	count(views) > 0
	entities != {one | some one in input.document.entities}
}
