package lab.docs

canvas := yaml.unmarshal(input.facts.docs[0].data["canvas.yaml"])

roadmap := yaml.unmarshal(input.facts.roadmap[0].data["roadmap.yaml"])

items[one.id] := one if some one in roadmap.items

personas := {one.id | some one in canvas.personas}

deny contains "there is no published roadmap to hold it against" if not roadmap

deny contains $"interview {one.id} is with {one.persona}, who is no persona of the canvas" if {
	some one in input.document.interviews
	not one.persona in personas
}

deny contains "all interviews are with one persona" if {
	count({one.persona | some one in input.document.interviews}) < 2
}

deny contains $"interview {one.id} leads to {one.roadmap_item}, which is not on the roadmap" if {
	some one in input.document.interviews
	one.roadmap_item != "none"
	not items[one.roadmap_item]
}

deny contains $"item {one.roadmap_item} of the roadmap does not name {one.id} under because" if {
	some one in input.document.interviews
	item := items[one.roadmap_item]
	not one.id in item.because
}

deny contains $"the roadmap is there because of {why}, and there is no such interview" if {
	some item in items
	some why in item.because
	startswith(why, "F")
	not why in {one.id | some one in input.document.interviews}
}

answers := input.document.satisfaction.answers

mean := sum(answers) / count(answers)

deny contains $"the mean of the answers is not {input.document.satisfaction.mean}" if {
	abs(input.document.satisfaction.mean - mean) > 0.01
}
