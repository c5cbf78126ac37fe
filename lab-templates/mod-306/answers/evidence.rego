package lab.docs

controls := yaml.unmarshal(input.facts.compliance[0].data["controls.yaml"]).controls

deny contains "ConfigMap compliance has no controls.yaml that can be read" if not controls

counted := {
	"total": count(controls),
	"by_test": proved("test"),
	"by_audit": proved("audit"),
	"by_platform": proved("platform"),
}

proved(kind) := count([one | some one in controls; one.proof.kind == kind])

deny contains $"controls.{name} is {input.document.controls[name]}, controls.yaml says {number}" if {
	some name, number in counted
	input.document.controls[name] != number
}

deny contains "some control has no proof yet: the counts do not add up" if {
	counted.total != (counted.by_test + counted.by_audit) + counted.by_platform
}

rows[one.name] := one if some one in input.facts.lifecycle.models

given[one.subject] := one if some one in input.document.changes

deny contains $"changes say nothing of {name}" if {
	some name, _ in rows
	not given[name]
}

deny contains $"changes: nobody changed {name}" if {
	some name, _ in given
	not rows[name]
}

deny contains $"changes of {name}: {field} is {one[field]}, the audit log says something else" if {
	some name, one in given
	some field in ["requests", "executed", "refused"]
	one[field] != rows[name][field]
}

people[one.name] := one if some one in input.facts.lifecycle.personas

roles[one.name] := one.role if some one in input.personas

revisions contains one.metadata.annotations["practicum.dev/policy-revision"] if {
	some one in input.facts.bundles
}

policy := input.document.policy

deny contains $"policy.revision {policy.revision} was never released here" if {
	not policy.revision in revisions
}

deny contains $"policy.released_by: {policy.released_by} asked for no release" if {
	not asked(policy.released_by)
}

deny contains $"policy.approved_by: {policy.approved_by} approved no release" if {
	not answered(policy.approved_by)
}

deny contains "policy: who released it is who approved it" if policy.released_by == policy.approved_by

# Whose role may ask for a release, or approve one.
asked(name) if {
	roles[name] == "ml-engineer"
	people[name].requests > 0
}

answered(name) if {
	roles[name] == "risk-reviewer"
	people[name].answers > 0
}

# Each control that the flaw undoes.
flaws := {
	"promotion.rego": {"PRM-5"},
	"identity.rego": {"SOD-4", "SOD-5"},
	"budget.rego": {"FIN-1", "FIN-2", "FIN-3", "FIN-4"},
}

deny contains "findings: file and control of one flaw do not go together" if {
	some one in input.document.findings
	not one.control in object.get(flaws, one.file, set())
}

deny contains "findings: each of the three files has one flaw, and each is to be told" if {
	{one.file | some one in input.document.findings} != object.keys(flaws)
}
