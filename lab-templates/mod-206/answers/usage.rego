package lab.docs

report := input.facts.usage.body

window := [one |
	some one in report.periods
	one.minute >= input.document.from
	one.minute < input.document.until
]

counts if is_array(report.periods)

deny contains $"/v1/usage answered {input.facts.usage.status}, without periods" if not counts

deny contains "from and until are whole minutes, such as 2026-03-10T12:00:00Z" if {
	some field in ["from", "until"]
	not endswith(input.document[field], ":00Z")
}

deny contains $"until {input.document.until} is not over yet: it is {report.now}" if input.document.until > report.now

deny contains $"the API counts since {report.since} only: write it anew" if {
	input.document.until <= report.since
}

counted[key] := total if {
	some one in window
	key := $"{one.tenant} {one.operation}"
	total := sum([other.calls | some other in window; other.tenant == one.tenant; other.operation == one.operation])
}

stated[$"{one.tenant} {one.operation}"] := one.calls if some one in input.document.heatmap

deny contains $"{key}: the document has {object.get(stated, key, 0)} calls, the API counted another number" if {
	some key, total in counted
	object.get(stated, key, 0) != total
}

deny contains $"{key}: the API counted no call in this window" if {
	some key, _ in stated
	not counted[key]
}

of_tenant[name] := total if {
	some one in window
	name := one.tenant
	total := sum([other.calls | some other in window; other.tenant == name])
}

deny contains $"tenants: {name} made another number of calls than {object.get(input.document.tenants, name, 0)}" if {
	some name, total in of_tenant
	object.get(input.document.tenants, name, 0) != total
}

made := sum([total | some _, total in of_tenant])

deny contains "fewer than 50 calls in this window" if made < 50

deny contains "calls of two tenants at least, beside the platform itself" if {
	count(object.keys(of_tenant) - {"platform", "nobody"}) < 2
}

errors := sum([one.errors | some one in window])

deny contains $"error_percent is {input.document.error_percent}, by the API's own count it is not" if {
	made > 0
	abs(input.document.error_percent - ((100 * errors) / made)) > 0.01
}

roadmap := yaml.unmarshal(input.facts.roadmap[0].data["roadmap.yaml"])

deny contains $"decision on {one.roadmap_item}: the roadmap has no such item" if {
	some one in input.document.decisions
	not one.roadmap_item in {item.id | some item in roadmap.items}
}

deny contains "the dashboard is not shared with leadership" if not "leadership" in input.document.shared_with
