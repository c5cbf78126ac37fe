package lab.docs

# What cannot be read says nothing.
told(key) := found if {
	found := yaml.unmarshal(input.facts.docs[0].data[key])
	is_object(found)
} else := {}

showback := told("showback.yaml")

plan := told("adoption.yaml")

kpis[one.name] := one if some one in told("canvas.yaml").kpis

controls := yaml.unmarshal(input.facts.compliance[0].data["controls.yaml"]).controls

labels := {label | some one in controls; some label in one.rules}

near(one, other) if abs(one - other) < 0.051

deny contains $"docs/{key} is not done yet: the pitch rests on it" if {
	some key, there in {
		"showback.yaml": object.get(showback, "total", 0),
		"adoption.yaml": object.get(plan, ["roi", "net_per_month"], 0),
		"canvas.yaml": count(kpis),
	}
	there == 0
}

figures := {
	"total_cost": ["showback.yaml", showback.total],
	"budget": ["showback.yaml", sum([one.budget | some one in showback.tenants])],
	"net_per_month": ["adoption.yaml", plan.roi.net_per_month],
	"payback_months": ["adoption.yaml", plan.roi.payback_months],
}

deny contains $"finops.{name} is {input.document.finops[name]}, {from} says {value}" if {
	some name, [from, value] in figures
	not near(input.document.finops[name], value)
}

deny contains $"adoption: the canvas has no KPI {one.kpi}" if {
	some one in input.document.adoption
	not kpis[one.kpi]
}

deny contains $"adoption: {field} of {one.kpi} is {one[field]}, the canvas says {kpis[one.kpi][field]}" if {
	some one in input.document.adoption
	some field in ["baseline", "target", "date"]
	one[field] != kpis[one.kpi][field]
}

deny contains $"risks: no control of controls.yaml rests on {one.control}" if {
	some one in input.document.risks
	not one.control in labels
}
