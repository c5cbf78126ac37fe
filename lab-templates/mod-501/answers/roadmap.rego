package lab.docs

amount(value) := units.parse(sprintf("%v", [value]))

kpis[one.name] := one if some one in input.document.kpis

items := input.document.items

funding := input.document.funding

hard := {"team-a": input.facts.quotas_a[0].spec.hard, "team-b": input.facts.quotas_b[0].spec.hard}

gib := (1024 * 1024) * 1024

monthly[tenant] := cost if {
	some tenant, quota in hard
	cpu := amount(quota["requests.cpu"]) * input.facts.prices["requests.cpu"]
	memory := (amount(quota["requests.memory"]) / gib) * input.facts.prices["requests.memory"]
	cost := cpu + memory
}

said[one.tenant] := one.monthly if some one in funding.showback

promised_percent[what] := (100 * sum([amount(quota[what]) | some quota in hard])) / amount(capacity) if {
	some what, capacity in input.facts.capacity
}

answered := "http_request_duration_seconds_count"

days_left(date) := (time.parse_rfc3339_ns($"{date}T23:59:59Z") - time.now_ns()) / ((1000000000 * 3600) * 24)

deny contains "tenants have no quotas yet to account for: task compute comes first" if count(monthly) < 2

deny contains $"showback of {tenant} is {object.get(said, tenant, "missing")}, not what its quota costs by lab.prices" if {
	some tenant, cost in monthly
	abs(object.get(said, tenant, 0) - cost) > 0.05
}

deny contains $"committed is {funding.committed}, which is not what the items cost together" if {
	total := sum([one.cost | some one in items])
	abs(total - funding.committed) > 0.005
}

deny contains $"committed is {funding.committed}, the budget only {funding.budget}" if funding.committed > funding.budget

deny contains $"item {one.id}: score is {one.score}, not {one.value} / {one.effort}" if {
	some one in items
	abs(one.score - (one.value / one.effort)) > 0.01
}

deny contains $"item {one.id} stands below {items[at - 1].id}, whose score is lower" if {
	some at, one in items
	one.score > items[at - 1].score + 0.01
}

deny contains $"item {one.id} serves KPI {one.kpi}, which is not there" if {
	some one in items
	not kpis[one.kpi]
}

deny contains $"KPI {name} is served by no item" if {
	some name, _ in kpis
	not name in {one.kpi | some one in items}
}

deny contains $"KPI {name}: baseline and target are the same" if {
	some name, one in kpis
	one.baseline == one.target
}

deny contains $"KPI {name}: {one.by} is over, or no date" if {
	some name, one in kpis
	not days_left(one.by) > 0
}

deny contains $"no KPI comes from a {kind}: one has to be a {kind} of this lab" if {
	some kind in ["metric", "quota"]
	not kind in {one.source.kind | some one in kpis}
}

deny contains $"KPI {name}: of OPA's metrics, {answered} is the one that counts its answers" if {
	some name, one in kpis
	one.source.kind == "metric"
	one.source.name != answered
}

deny contains $"KPI {name}: OPA has answered nothing since it started: put the twelve cases to it" if {
	some name, one in kpis
	one.source.kind == "metric"
	not input.facts.metrics[answered]
}

# What OPA counted is forgotten when it starts again, so the figure itself is not compared.
deny contains $"KPI {name}: the baseline is {one.baseline}, and the twelve cases alone come to more" if {
	some name, one in kpis
	one.source.kind == "metric"
	one.baseline < 12
}

deny contains $"KPI {name}: the baseline {one.baseline} is not how many percent of {one.source.name} quotas promise" if {
	some name, one in kpis
	one.source.kind == "quota"
	live := object.get(promised_percent, one.source.name, -1)
	abs(live - one.baseline) > 0.5
}
