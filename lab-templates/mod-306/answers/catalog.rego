package lab.docs

spec := input.document.spec

personas := {one.name | some one in input.personas}

deny contains $"spec.owner: the lab has no persona {spec.owner}" if not spec.owner in personas

deny contains $"spec.consumers: the lab has no persona {name}" if {
	some name in ({one | some one in spec.consumers} - personas)
}

deny contains "spec.definition.$text: it ends with /openapi.json" if {
	not endswith(spec.definition["$text"], "/openapi.json")
}

index := input.facts.docs[0].data["index.md"]

deny contains "ConfigMap docs has no index.md" if not index

deny contains $"docs/index.md has {count(index)} characters: say how to begin, what there is, what fails" if {
	count(index) < 400
}

paths := object.keys(input.facts.openapi.body.paths)

deny contains "the interface has no /openapi.json with paths" if not paths

deny contains $"docs/index.md does not mention {path}" if {
	some path in paths
	not contains(index, path)
}

deny contains $"docs/index.md does not say {word}" if {
	some word in ["Sunset", "404", "platform_client"]
	not contains(index, word)
}

live[one.metadata.namespace] := one.spec.hard if {
	some fact in ["quota_a", "quota_b"]
	some one in input.facts[fact]
	one.metadata.name == "tenant"
}

shown[one.namespace] := one if some one in input.facts.tenants.body.items

deny contains $"/v1/tenants does not show namespace {namespace}" if {
	some namespace, _ in live
	not shown[namespace]
}

deny contains $"/v1/tenants: {key} of {namespace} is not what its ResourceQuota says, {value}" if {
	some namespace, hard in live
	some key, value in hard
	object.get(shown, [namespace, "quota", key], "") != value
}

default prices := {}

prices := yaml.unmarshal(input.facts.organisation[0].data["organisation.yaml"]).lab.prices

cost[namespace] := ((compute + memory) * prices.hours) + storage if {
	some namespace, hard in live
	compute := units.parse(hard["requests.cpu"]) * prices.cpu_core_hour
	memory := (units.parse_bytes(hard["requests.memory"]) / 1073741824) * prices.memory_gib_hour
	storage := (units.parse_bytes(hard["requests.storage"]) / 1073741824) * prices.storage_gib_month
}

deny contains $"/v1/tenants: monthly_cost of {namespace} is not its quota times the organisation's prices" if {
	some namespace, _ in live
	shown[namespace]
	not priced(namespace)
}

priced(namespace) if abs(shown[namespace].monthly_cost - cost[namespace]) < 0.011

registered[one.name] := champion(one) if some one in input.facts.registry.body.registered_models

champion(model) := [one.version |
	some one in object.get(model, "aliases", [])
	one.alias == "champion"
]

served[one.name] := one if some one in input.facts.models.body.items

deny contains $"/v1/models does not show {name}" if {
	some name, _ in registered
	not served[name]
}

deny contains $"/v1/models: champion of {name} is {shown_champion(name)}, MLflow says {version}" if {
	some name, [version] in registered
	served[name]
	shown_champion(name) != version
}

shown_champion(name) := sprintf("%v", [object.get(served, [name, "champion"], "missing")])
