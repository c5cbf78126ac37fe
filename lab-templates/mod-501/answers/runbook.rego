package lab.docs

text := input.document

model := yaml.unmarshal(input.facts.docs[0].data["operating-model.yaml"])

sections[title] := body if {
	some part in array.slice(split(text, "\n## "), 1, 99)
	title := trim_space(split(part, "\n")[0])
	body := trim_space(substring(part, count(split(part, "\n")[0]), -1))
}

needed := ["Symptoms", "Check", "Mitigate", "Escalate"]

deny contains $"there is no section ## {title}" if {
	some title in needed
	not sections[title]
}

deny contains $"section {title} says next to nothing" if {
	some title in needed
	count(sections[title]) < 60
}

deny contains $"section Check looks nowhere: name {what}" if {
	some what in [input.lab.namespaces.platform, "opa-0", "/health"]
	not contains(sections.Check, what)
}

deny contains "operating-model.yaml has no escalation yet: write it first" if not model.escalation

deny contains $"section Escalate names none of those who escalation goes to: {people}" if {
	people := {one.who | some one in model.escalation}
	count(people) > 0
	count([one | some one in people; contains(sections.Escalate, one)]) == 0
}
