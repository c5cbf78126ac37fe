package lab.docs

measured := input.document.measured

target := input.document.target

asked := object.get(input.facts.metrics, "feast_online_features_request_total", 0)

deny contains $"measured.requests is {measured.requests}, the server has answered {round(asked)} so far" if {
	measured.requests > asked
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
	measured.callers == 1
	measured.requests_per_second > one_at_a_time * 1.1
}

needed := ceil(target.peak_requests_per_second / (measured.requests_per_second * (1 - target.headroom)))

deny contains $"replicas is {input.document.replicas}: peak / (measured * (1 - headroom)) is another number, rounded up" if {
	input.document.replicas != needed
}
