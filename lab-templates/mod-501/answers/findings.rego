package lab.docs

right := {
	["team-a", "Deployment/scorer", "TEN-1"],
	["team-a", "Deployment/scorer", "TEN-2"],
	["team-a", "Deployment/scorer", "TEN-3"],
	["team-a", "Deployment/scorer", "TEN-5"],
	["team-a", "ResourceQuota/none", "quota"],
	["team-b", "ResourceQuota/tenant", "TEN-8"],
	["team-a", "NetworkPolicy/open", "network"],
	["team-b", "NetworkPolicy/open", "network"],
	["team-b", "RoleBinding/helpers", "access"],
	["platform", "Workspace/team-b", "workspace"],
}

given := {[one.side, one.object, one.breaks] | some one in input.document.findings}

deny contains $"{count(right - given)} findings are missing" if count(right - given) > 0

deny contains $"{concat(" ", one)} is no finding" if some one in (given - right)
