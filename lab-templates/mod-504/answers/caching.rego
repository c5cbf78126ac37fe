package lab.docs

online := [one |
	some one in input.facts.workbench[0].spec.template.spec.containers
	one.name == "online"
][0]

store := yaml.unmarshal(input.facts.config[0].data["feature_store.yaml"])

valkey := input.facts.valkey[0].spec.template.spec.containers[0]

configured["registry.server_ttl_seconds"] := to_number(online.command[at + 1]) if {
	some at, word in online.command
	word == "--registry_ttl_sec"
}

configured["registry.sdk_ttl_seconds"] := store.registry.cache_ttl_seconds

configured["online_store.type"] := store.online_store.type

configured["online_store.key_ttl_seconds"] := object.get(store, ["online_store", "key_ttl_seconds"], 0)

configured["online_store.maxmemory"] := one.value if {
	some one in valkey.env
	one.name == "MAXMEMORY"
}

configured["online_store.eviction"] := found if {
	words := concat(" ", valkey.command)
	found := regex.find_all_string_submatch_n(`maxmemory-policy ([a-z-]+)`, words, 1)[0][1]
}

deny contains "the lab does not show how it is configured: tell your instructor" if count(configured) != 6

deny contains $"{path} is {said}: that is not what is configured" if {
	some path, value in configured
	said := object.get(input.document, split(path, "."), null)
	said != value
}

views[view.spec.name] := view.spec if some view in input.facts.views.body.featureViews

deny contains $"views: {name} is missing" if {
	some name, _ in views
	not input.document.views[name]
}

deny contains $"views.{name}: the registry has no such view" if {
	some name, _ in input.document.views
	not views[name]
}

deny contains $"views.{name}.ttl_seconds is {said.ttl_seconds}, the registry says {view.ttl}" if {
	some name, view in views
	said := input.document.views[name]
	said.ttl_seconds != to_number(trim_suffix(object.get(view, "ttl", "0s"), "s"))
}

deny contains $"views.{name}.freshness_slo_seconds is not what its tag freshness_slo promises" if {
	some name, view in views
	said := input.document.views[name]
	said.freshness_slo_seconds != promised(view)
}

promised(view) := time.parse_duration_ns(view.tags.freshness_slo) / 1000000000

deny contains $"views.{name}.enforced_online: write a value older than ttl, ask for it, and look" if {
	some name, said in input.document.views
	said.enforced_online
}

deny contains "corrections.replace_served_value: write another value of the same moment, ask for it, and look" if {
	input.document.corrections.replace_served_value
}

deny contains "there is no CronJob of yours that materializes: task ingest" if {
	count(input.facts.jobs) == 0
}

deny contains $"schedule {job.spec.schedule}: write */N * * * *, or M * * * *, or M */N * * *" if {
	some job in input.facts.jobs
	not period(job.spec.schedule)
}

period(schedule) := 60 * minutes if {
	minutes := to_number(regex.find_all_string_submatch_n(`^\*/([0-9]+) \* \* \* \*$`, schedule, 1)[0][1])
}

period(schedule) := 3600 if regex.match(`^[0-9]+ \* \* \* \*$`, schedule)

period(schedule) := 3600 * hours if {
	hours := to_number(regex.find_all_string_submatch_n(`^[0-9]+ \*/([0-9]+) \* \* \*$`, schedule, 1)[0][1])
}

staleness := input.document.staleness

deny contains $"staleness.materialize_every_seconds is {staleness.materialize_every_seconds}: your CronJobs run at other times" if {
	count(input.facts.jobs) > 0
	periods := {period(job.spec.schedule) | some job in input.facts.jobs}
	not staleness.materialize_every_seconds in periods
}

deny contains "staleness.source_step_seconds: measure how far events of a customer are apart" if {
	staleness.source_step_seconds != 21600
}

deny contains "staleness.source_lag_seconds: measure how long after its event a row is known" if {
	staleness.source_lag_seconds != 1200
}

parts := ["source_step_seconds", "source_lag_seconds", "materialize_every_seconds", "consumer_cache_seconds"]

worst := sum([staleness[part] | some part in parts])

deny contains $"staleness.worst_seconds is {staleness.worst_seconds}, its parts add up to {worst}" if {
	staleness.worst_seconds != worst
}

deny contains $"in the worst case a value is {worst} s old, customer_txn promises {limit} s" if {
	limit := promised(views.customer_txn)
	worst > limit
}
