package lab.docs

entities := [entity |
	some part in split(concat("", ["\n", input.document]), "\n---")
	yaml.is_valid(part)
	entity := yaml.unmarshal(part)
	is_object(entity)
]

deny contains "a part between two lines --- is no YAML" if {
	some part in split(concat("", ["\n", input.document]), "\n---")
	not yaml.is_valid(part)
}

of(kind) := [one | some one in entities; one.kind == kind]

names(kind) := {one.metadata.name | some one in of(kind)}

deny contains $"entity {at + 1} has no apiVersion backstage.io/v1alpha1, kind, metadata.name or spec" if {
	some at, one in entities
	not whole(one)
}

whole(one) if {
	one.apiVersion == "backstage.io/v1alpha1"
	one.kind
	one.metadata.name
	is_object(one.spec)
}

deny contains $"there is no {kind}" if {
	some kind in ["System", "Component", "API", "Group", "Resource"]
	count(of(kind)) == 0
}

deny contains $"{one.kind} {one.metadata.name} is owned by {owner(one)}, and there is no such Group" if {
	some one in entities
	one.kind != "Group"
	not owned(one)
}

owner(one) := object.get(one, ["spec", "owner"], "nobody")

owned(one) if trim_prefix(owner(one), "group:") in names("Group")

deny contains $"Component {one.metadata.name} has no description" if {
	some one in of("Component")
	not one.metadata.description
}

api := [one | some one in of("Component"); one.metadata.name == "learner-api"]

deny contains "there is no Component learner-api" if count(api) == 0

deny contains "Component learner-api is of type service, of a System of the file, and provides an API of the file" if {
	some one in api
	not connected(one)
}

connected(one) if {
	one.spec.type == "service"
	trim_prefix(one.spec.system, "system:") in names("System")
	some provided in one.spec.providesApis
	trim_prefix(provided, "api:") in names("API")
}

deny contains "the API's definition is not taken from learner-api's /openapi.json (spec.definition.$text)" if {
	count([1 | some one in of("API"); regex.match("^http://learner-api[^ ]*/openapi.json$", one.spec.definition["$text"])]) == 0
}

resources[one.metadata.name] := one.spec.type if some one in of("Resource")

there[one.spec.name] := "feature-service" if some one in input.facts.services.body.featureServices

there[one.name] := "model" if some one in input.facts.models.body.registered_models

deny contains $"Resource {name} of type {kind} is missing" if {
	some name, kind in there
	object.get(resources, name, "") != kind
}

deny contains $"Resource {name} is in no registry" if {
	some name, kind in resources
	kind in {"model", "feature-service"}
	not there[name]
}
