package lab.docs

measured := input.document.measured

target := input.document.target

asked := object.get(input.facts.metrics, "feast_online_features_request_total", 0)

deny contains $"measured.requests is {measured.requests}, the server has answered {round(asked)} so far" if {
	measured.requests > asked
}

deny contains "measured: one server by one caller, ten customers in each request" if {
	[measured.callers, measured.entities_per_request] != [1, 10]
}

rows := object.get(input.facts.metrics, "feast_online_features_entity_count_sum", 0)

deny contains "measured.requests: the server has not answered for so many customers, ten in each" if {
	measured.requests * measured.entities_per_request > rows
}

# Half of the answers came within p50; on the server itself they took no longer.
quick contains limit if {
	some limit, name in {5: "within_5_ms", 10: "within_10_ms"}
	measured.p50_ms <= limit
	answered := object.get(input.facts[name], "feast_feature_server_request_latency_seconds_bucket", 0)
	measured.requests / 2 > answered
}

deny contains $"measured.p50_ms is {measured.p50_ms}: by its own metrics the server was never that quick" if {
	count(quick) > 0
}

deny contains "measured: p50_ms, p95_ms and p99_ms have to grow in this order" if {
	sort([measured.p50_ms, measured.p95_ms, measured.p99_ms]) != [measured.p50_ms, measured.p95_ms, measured.p99_ms]
}

deny contains $"measured.p95_ms is {measured.p95_ms}, consumers were promised {target.p95_ms}" if {
	measured.p95_ms > target.p95_ms
}

deny contains $"target.p95_ms is {target.p95_ms}: the serving contract allows 150" if target.p95_ms > 150

one_at_a_time := 1000 / measured.p50_ms

deny contains "measured.requests_per_second: by one caller, more than 1000 / p50_ms cannot be" if {
	measured.requests_per_second > one_at_a_time * 1.1
}

needed := ceil(target.peak_requests_per_second / (measured.requests_per_second * (1 - target.headroom)))

deny contains $"replicas is {input.document.replicas}: peak / (measured * (1 - headroom)) is another number, rounded up" if {
	input.document.replicas != needed
}

outage := input.document.outage

moment(one) := time.parse_rfc3339_ns(one.metadata.creationTimestamp)

# The store's pod is as old as the store, until somebody takes it away.
was_away if (moment(input.facts.pod[0]) - moment(input.facts.store[0])) / 1000000000 > 60

deny contains "the online store was not away yet: practicum drill LAB online-down" if not was_away

is_filled if {
	some at, name in input.facts.answer.body.metadata.feature_names
	name == "txn_amount_7d"
	is_number(input.facts.answer.body.results[at].values[0])
}

deny contains "the online store has nothing of customer 1: bring the values back" if not is_filled

deny contains $"outage.back_after_seconds is {outage.back_after_seconds}: the drill itself lasts a minute" if {
	outage.back_after_seconds < 60
}

deny contains "outage.brought_back_by: a backfill, or a run that materializes, writes values; which was it?" if {
	not regex.match(`backfill|materiali[sz]`, lower(outage.brought_back_by))
}
