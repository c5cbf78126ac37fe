package lab.docs

# What cannot be read says nothing.
told(key) := found if {
	found := yaml.unmarshal(input.facts.docs[0].data[key])
	is_object(found)
} else := {}

canvas := told("canvas.yaml")

showback := told("showback.yaml")

personas := {one.name | some one in input.personas}

kpis := {one.name | some one in canvas.kpis}

roadmap := input.document.roadmap

deny contains "docs/canvas.yaml has no KPIs yet: the plan is measured by them" if count(kpis) == 0

deny contains "docs/showback.yaml has no total yet: the plan is paid by it" if not showback.total

deny contains $"roadmap item {one.item}: the canvas has no KPI {one.kpi}" if {
	some one in roadmap
	not one.kpi in kpis
}

deny contains $"the lab has no persona {name}" if {
	some name in ({one.persona |
		some part in [roadmap, input.document.enablement, input.document.feedback]
		some one in part
	} - personas)
}

worth(one) := (one.benefit_per_month - one.cost_per_month) / one.effort_weeks

deny contains $"roadmap: {roadmap[i].item} comes before {roadmap[k].item}, which is worth more a week" if {
	some i, one in roadmap
	k := i + 1
	worth(one) < worth(roadmap[k])
}

near(one, other) if abs(one - other) < 0.051

roi := input.document.roi

deny contains "roi.benefit_per_month is not the sum of the roadmap's" if {
	not near(roi.benefit_per_month, sum([one.benefit_per_month | some one in roadmap]))
}

deny contains "roi.cost_per_month is not the total of showback.yaml and what the roadmap adds" if {
	added := sum([one.cost_per_month | some one in roadmap])
	not near(roi.cost_per_month, showback.total + added)
}

deny contains "roi.net_per_month is not benefit less cost" if {
	not near(roi.net_per_month, roi.benefit_per_month - roi.cost_per_month)
}

deny contains "roi: a plan that costs more than it brings needs another plan" if roi.net_per_month <= 0

deny contains "roi.payback_months is not investment by net_per_month" if {
	roi.net_per_month > 0
	not near(roi.payback_months, roi.investment / roi.net_per_month)
}

stages := input.document.stages

deny contains $"stage {stages[i + 1].name} ends before {one.name}" if {
	some i, one in stages
	stages[i + 1].until <= one.until
}

deny contains "the last stage has not all tenants of the lab" if {
	last := stages[count(stages) - 1]
	count({"team-a", "team-b"} - {one | some one in last.tenants}) > 0
}

deny contains $"nobody enables {name}" if {
	some name in ({"ds", "team-a-dev", "team-b-dev"} - {one.persona | some one in input.document.enablement})
}

deny contains $"feedback of {one.persona} leads to no item of the roadmap: {one.item}" if {
	some one in input.document.feedback
	not one.item in {other.item | some other in roadmap}
}
