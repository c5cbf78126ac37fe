package lab.docs

# What would enforce each control; one of them has to be among its rules.
enforces := {
	"C-01": {"PRM-1"},
	"C-02": {"PRM-2"},
	"C-03": {"PRM-3"},
	"C-04": {"PRM-4"},
	"C-05": {"PRM-5"},
	"C-06": {"PRM-6"},
	"C-07": {"PRM-7"},
	"C-08": {"SOD-1"},
	"C-09": {"SOD-2"},
	"C-10": {"SOD-3"},
	"C-11": {"SOD-4"},
	"C-12": {"SOD-5"},
	"C-13": {"ORG-1"},
	"C-14": {"LCM-1"},
	"C-15": {"LCM-2"},
	"C-16": {"LCM-3"},
	"C-17": {"LCM-4"},
	"C-18": {"PRM-7"},
	"C-19": {"REL-1"},
	"C-20": {"REL-2"},
	"C-21": {"REL-3"},
	"C-22": {"FIN-1"},
	"C-23": {"FIN-2", "FIN-3"},
	"C-24": {"FIN-4"},
}

# What helps with a control, and does not make it by itself.
helps := {"C-08": {"SOD-4", "SOD-5"}, "C-10": {"SOD-4", "SOD-5"}, "C-19": {"SOD-1"}}

known := {label | some _, labels_of in enforces; some label in labels_of}

by_test := {"C-02", "C-05", "C-08", "C-09", "C-11", "C-12", "C-13", "C-22"}

controls[one.id] := one if some one in input.document.controls

texts[name] := text if {
	some one in input.facts.policies
	some name, text in one.data
}

# The package that decides on releases is the platform's own.
texts["release.rego"] := text if {
	some one in input.facts.platform
	text := one.data["release.rego"]
}

labels contains found[1] if {
	some name, text in texts
	not endswith(name, "_test.rego")
	some found in regex.find_all_string_submatch_n(`labels: \{control: ([A-Z]{3}-[0-9]+)`, text, -1)
}

tests contains found[1] if {
	some name, text in texts
	endswith(name, "_test.rego")
	some found in regex.find_all_string_submatch_n(`(?m)^(test_\w+)`, text, -1)
}

mapped := {label | some one in input.document.controls; some label in one.rules}

deny contains "each control of C-01 to C-24 stands there once" if {
	object.keys(controls) != object.keys(enforces)
}

deny contains "each control of C-01 to C-24 stands there once" if {
	count(input.document.controls) != count(enforces)
}

deny contains $"{id}: no rule of the policies is labelled {label}" if {
	some id, one in controls
	some label in one.rules
	not label in labels
}

deny contains $"{id} rests on no rule yet: {one.title}" if {
	some id, one in controls
	count(one.rules) == 0
}

deny contains $"{id}: {concat(", ", one.rules)} does something else: {one.title}" if {
	some id, one in controls
	count(one.rules) > 0
	count({label | some label in one.rules} & enforces[id]) == 0
}

deny contains $"{id}: {label} enforces something else: {one.title}" if {
	some id, one in controls
	some label in one.rules
	label in known
	not label in (enforces[id] | object.get(helps, id, set()))
}

deny contains $"rule {label} serves no control: give it to the one that it enforces" if {
	some label in (labels - mapped)
}

deny contains $"{id}: proof.kind is test, audit or platform, and proof.name says what" if {
	some id, one in controls
	not is_proof(object.get(one, "proof", {}))
}

is_proof(proof) if {
	proof.kind in {"test", "audit", "platform"}
	count(proof.name) > 3
}

deny contains $"{id}: a test of yours has to prove it (proof.kind test)" if {
	some id in by_test
	object.get(controls, [id, "proof", "kind"], "") != "test"
}

deny contains $"{id}: no file of policies that ends with _test.rego has a test {one.proof.name}" if {
	some id, one in controls
	one.proof.kind == "test"
	not one.proof.name in tests
}

deny contains $"{count(shown)} different tests prove controls, four are needed" if count(shown) < 4

shown := {one.proof.name | some one in controls; one.proof.kind == "test"}
