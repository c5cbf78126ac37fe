package lab.docs

files := input.facts.policies[0].data

package_of[name] := found[0][1] if {
	some name, text in files
	endswith(name, ".rego")
	not endswith(name, "_test.rego")
	found := regex.find_all_string_submatch_n(`(?m)^package ([a-z._]+)$`, text, 1)
}

labelled contains [package_of[name], match[1]] if {
	some name, text in files
	some match in regex.find_all_string_submatch_n(`labels: *\{control: *"?([A-Z]+-[0-9]+)`, text, -1)
}

mapped := {[one.package, one.id] | some one in input.document.controls}

deny contains $"{pair[1]} of {pair[0]} is labelled in your policies, and not mapped" if some pair in (labelled - mapped)

deny contains $"{pair[1]} of {pair[0]} is mapped, and no rule of your policies is labelled with it" if {
	some pair in (mapped - labelled)
}

tests contains found[1] if {
	some name, text in files
	endswith(name, "_test.rego")
	some found in regex.find_all_string_submatch_n(`(?m)^(test_\w+)`, text, -1)
}

deny contains $"{one.id}: ConfigMap policies has no test {one.test}" if {
	some one in input.document.controls
	one.package == "lab.access"
	not one.test in tests
}

deny contains $"{one.id} of {one.package} is not enforced by {one.enforced_by}" if {
	some one in input.document.controls
	right := {true: "api", false: "change"}[one.package == "lab.access"]
	one.enforced_by != right
}

deny contains $"no control comes from {module}" if {
	some module in ["MOD-208", "MOD-209"]
	not module in {one.source | some one in input.document.controls}
}
