package lab.docs

controls[one.control] := one if some one in input.document.controls

# Controls that the learner's policy names in its annotations.
labelled contains found[1] if {
	some map in input.facts.policies
	some name, text in map.data
	endswith(name, ".rego")
	not endswith(name, "_test.rego")
	some found in regex.find_all_string_submatch_n(`control"?: *"?([A-Z]{3}-[0-9]+)`, text, -1)
}

guards contains $"{one.kind}/{one.metadata.name}" if {
	some fact in ["networks", "quotas", "ranges"]
	some one in input.facts[fact]
	object.get(one.metadata, ["labels", "app.kubernetes.io/managed-by"], "") == "practicum"
}

deny contains $"the policy has a control {one}, the standards have not" if some one in (labelled - object.keys(controls))

deny contains $"the standards have a control {one} that no rule of your policy is labelled with" if {
	some one in (object.keys(controls) - labelled)
}

deny contains $"control {one} is missing" if {
	some one in ({$"TEN-{number}" | some number in numbers.range(1, 8)} - object.keys(controls))
}

deny contains $"{name}: OPA decides here and admits nothing: name what enforces it besides, or the gap" if {
	some name, one in controls
	one.enforced_by == ["policy"]
	not one.gap
}

deny contains $"{name}: the API server itself enforces it too: enforced_by does not say by what" if {
	some name, how in {"TEN-2": "quota", "TEN-4": "pod-security", "TEN-6": "access", "TEN-8": "quota"}
	not how in controls[name].enforced_by
}

deny contains $"{name}: enforced_by names what knows nothing of it: only your policy does" if {
	some name in ["TEN-0", "TEN-1", "TEN-3"]
	controls[name].enforced_by != ["policy"]
}

deny contains $"guard {one} of team-a came with the platform and is not in the baseline" if {
	some one in (guards - {entry.guard | some entry in input.document.baseline})
}

deny contains $"baseline: {one.guard} is no guard that came with the platform" if {
	some one in input.document.baseline
	not one.guard in guards
}

deny contains $"downstream: what may {one} expect?" if {
	some one in ({"MOD-502", "MOD-503", "PROJ-501"} - {entry.module | some entry in input.document.downstream})
}

deny contains $"downstream: {one.module} builds on {control}, which is no control of this document" if {
	some one in input.document.downstream
	some control in one.builds_on
	not controls[control]
}
