package lab.docs

services := {one.name | some one in input.services}

components[one.name] := one if some one in input.document.components

deny contains $"component {name} runs in the lab and is not in the pack" if {
	some name in services
	not components[name]
}

deny contains $"component {name} is in the pack and not in the lab" if {
	some name, _ in components
	not name in services
}

deny contains $"component {name} is not on side {one.side}" if {
	some name, one in components
	name in services
	one.side != side(name)
}

side(name) := "platform" if name == "opa"

side(name) := "learner" if name != "opa"

store := yaml.unmarshal(input.facts.config[0].data["feature_store.yaml"])

configured := {
	"offline": store.offline_store.type,
	"online": store.online_store.type,
	"registry": store.registry.registry_type,
}

deny contains $"stores.{name} is {input.document.stores[name]}, configured is {type}" if {
	some name, type in configured
	input.document.stores[name] != type
}

sources := {one.name | some one in input.facts.sources.body.dataSources}

fed := [one.source | some one in input.document.pipelines]

deny contains $"source {source} has no pipeline" if some source in (sources - {one | some one in fed})

deny contains $"pipelines: Feast has no source {source}" if some source in ({one | some one in fed} - sources)

deny contains $"source {source} is ingested by more than one pipeline" if {
	some source in sources
	count([one | some one in fed; one == source]) > 1
}

paths := [one.fileOptions.uri | some one in input.facts.sources.body.dataSources]

deny contains "two sources of the registry read the same file" if count(paths) != count({one | some one in paths})

jobs := {one.metadata.name | some one in input.facts.jobs}

deny contains $"pipeline of {one.source}: there is no CronJob {one.job}" if {
	some one in input.document.pipelines
	not one.job in jobs
}

governance := input.document.governance

deny contains "governance.approves: the policy asks for other roles" if {
	{one | some one in governance.approves} != {one | some one in input.facts.approval.roles}
}

deny contains "governance.asks: other roles may ask" if governance.asks != ["feature-author"]

deny contains $"governance.gates: {control} is not there" if {
	some control in ["FGV-1", "FGV-2", "FGV-5", "FGV-7", "QLT-3"]
	not control in governance.gates
}

there contains $"{one.metadata.name}/{key}" if {
	some one in input.facts.maps
	some key, _ in one.data
}

deny contains $"reuse: there is no key {one.template} (ConfigMap/key)" if {
	some one in input.document.reuse
	not one.template in there
}
