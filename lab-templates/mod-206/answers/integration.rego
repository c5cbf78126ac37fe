package lab.docs

operations := {one.operationId | some methods in input.facts.openapi.body.paths; some one in methods}

deny contains $"{one.project}: {one.operation} is no operation of the API" if {
	some one in input.document.points
	not one.operation in operations
}

deny contains $"{project} has {count(mine)} integration points, two are needed" if {
	some project in ["PROJ-302", "PROJ-304"]
	mine := {one.operation | some one in input.document.points; one.project == project}
	count(mine) < 2
}

deny contains $"leadership: there is no {one.artefact} in ConfigMap docs or roadmap" if {
	some one in input.document.leadership
	not one.artefact in artefacts
}

artefacts contains name if {
	some one in array.concat(input.facts.docs, input.facts.roadmap)
	some name, _ in one.data
}

deny contains "leadership does not get usage.yaml" if {
	not "usage.yaml" in {one.artefact | some one in input.document.leadership}
}

deny contains "leadership does not get roadmap.yaml" if {
	not "roadmap.yaml" in {one.artefact | some one in input.document.leadership}
}
