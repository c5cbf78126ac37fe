package lab.docs

lines := [trim_space(one) | some one in split(input.document, "\n")]

node(side, name) := replace($"{side}_{name}", "-", "_")

nodes contains node(side, one.metadata.name) if {
	some fact, side in {
		"sets_platform": "platform",
		"deployments_platform": "platform",
		"sets_learner": "learner",
		"deployments_a": "team-a",
		"deployments_b": "team-b",
	}
	some one in input.facts[fact]
}

drawn contains found[1] if {
	some line in lines
	not startswith(line, "subgraph")
	some found in regex.find_all_string_submatch_n(`\b((?:learner|platform|team_a|team_b)_[a-z0-9_]+)\b`, line, -1)
}

edges contains [found[1], found[2]] if {
	some line in lines
	some found in regex.find_all_string_submatch_n(`^([a-z0-9_]+)(?:[\[({][^>]*[\])}])?\s*[-.=]+(?:\|[^|]*\|)?[^>]*>\s*(?:\|[^|]*\|)?\s*([a-z0-9_]+)`, line, -1)
}

deny contains "it has to begin with flowchart or graph" if not regex.match(`^(flowchart|graph)\s`, lines[0])

deny contains $"there is no subgraph for side {side}" if {
	some side in ["learner", "platform", "team-a", "team-b"]
	pattern := $"^subgraph .*{replace(side, "-", "[-_]")}"
	count([line | some line in lines; regex.match(pattern, line)]) == 0
}

deny contains $"node {one} is missing: what runs is called <side>_<name>" if some one in (nodes - drawn)

deny contains $"node {one} is drawn, and nothing of that name runs" if some one in (drawn - nodes)

deny contains $"an arrow goes from {one[0]} to {one[1]}: from tenant to tenant there is no way" if {
	some one in edges
	sort([substring(one[0], 0, 6), substring(one[1], 0, 6)]) == ["team_a", "team_b"]
}

deny contains $"no arrow leads from {one[0]} to {one[1]}" if {
	count(nodes - drawn) == 0
	some one in [
		["team_a_web", "platform_opa"],
		["team_b_web", "platform_opa"],
		["team_a_web", "platform_mlflow"],
		["team_b_web", "platform_mlflow"],
		["platform_mlflow", "platform_postgres"],
	]
	not one in edges
}
