package lab.docs

promised[view.spec.name] := time.parse_duration_ns(view.spec.tags.freshness_slo) / 1000000000 if {
	some view in input.facts.views.body.featureViews
}

deny contains $"view {view.spec.name} has no tag freshness_slo to alert by" if {
	some view in input.facts.views.body.featureViews
	not promised[view.spec.name]
}

alerts contains one if {
	some group in input.document.groups
	some one in group.rules
}

shape := `^([a-z_]+)\{[^}]*feature_view="([a-z0-9_]+)"[^}]*\} *> *([0-9]+)$`

parsed contains {"alert": one.alert, "metric": found[1], "view": found[2], "limit": to_number(found[3])} if {
	some one in alerts
	found := regex.find_all_string_submatch_n(shape, one.expr, 1)[0]
}

deny contains $"alert {one.alert}: expr is not METRIC\{feature_view=\"VIEW\"} > SECONDS" if {
	some one in alerts
	not regex.match(shape, one.expr)
}

deny contains $"alert {one.alert}: the server has no metric {one.metric}, see service feast-metrics" if {
	some one in parsed
	not input.facts.metrics[one.metric]
}

deny contains $"alert {one.alert}: {one.metric} is no age of a view's values" if {
	some one in parsed
	input.facts.metrics[one.metric]
	one.metric != "feast_feature_freshness_seconds"
}

deny contains $"alert {one.alert}: the registry has no view {one.view} that promises freshness" if {
	some one in parsed
	not promised[one.view]
}

deny contains $"no alert watches view {view}" if {
	some view, _ in promised
	count([one | some one in parsed; one.view == view]) == 0
}

deny contains $"alert {one.alert} comes after {one.limit} s, when the promise of {promised[one.view]} s is broken" if {
	some one in parsed
	one.limit >= promised[one.view]
}

deny contains $"alert {one.alert}: a limit of {one.limit} s tells of every run that is a little late: an hour at least" if {
	some one in parsed
	one.limit < 3600
}
