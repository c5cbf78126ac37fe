"""A LabEnvironment as people read it: table rows, a tree, and lines of what changed. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from practicum.api.conditions import OTHERS, ConditionType, Phase
from practicum.api.times import parse_rfc3339
from practicum.cli.moments import elapsed, remaining

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

Object = dict[str, Any]
Row = list["str | Text"]

HEADERS = (
    "name",
    "phase",
    "template",
    "learner",
    "size",
    "expires in",
    "services",
    "checks",
    "message",
)
WIDE = ("revision", "credentials until", "namespaces")
_STYLES = {
    Phase.READY: "green",
    Phase.FAILED: "red",
    Phase.DEGRADED: "yellow",
    Phase.PROVISIONING: "cyan",
    Phase.PENDING: "cyan",
    Phase.EXPIRED: "dim",
    Phase.SUSPENDED: "magenta",
}
_GOOD_WHEN_FALSE = frozenset((ConditionType.EXPIRING_SOON, ConditionType.IDLE))
_OF_TIME = frozenset((ConditionType.EXPIRING_SOON, ConditionType.TEMPLATE_CURRENT))
NOTICES = _OF_TIME | OTHERS
"""Conditions that inform: a lab is ready with them or without."""
_ORDER = {str(kind): place for place, kind in enumerate(ConditionType)}


def phase(lab: Object) -> str:
    """Return the phase; a lab that nobody has looked at yet is Pending."""
    return str(lab.get("status", {}).get("phase") or Phase.PENDING)


def conditions(lab: Object) -> list[Object]:
    """Return the conditions in the order in which a lab comes to life."""
    found = lab.get("status", {}).get("conditions", [])
    return sorted(found, key=lambda one: _ORDER.get(one["type"], len(_ORDER)))


def expires_in(lab: Object, now: datetime) -> str:
    """Say how long the lab still lives."""
    if not (expiry := lab.get("status", {}).get("expiresAt")):
        return "-"
    left = parse_rfc3339(expiry) - now
    return remaining(left) if left.total_seconds() > 0 else "over"


def services_ready(lab: Object) -> str:
    """Return ``ready/all`` of the lab's services."""
    services = lab.get("status", {}).get("services", [])
    return f"{sum(1 for one in services if one['ready'])}/{len(services)}" if services else "-"


def checks_passed(checks: Object) -> str:
    """Return in words how many checks of a lab passed, and what became of the others."""
    parts = [f"{checks['summary']} passed"]
    if most := checks.get("maxPoints"):
        parts.append(f"{checks.get('points', 0)} of {most} points")
    if unsupported := checks.get("unsupported"):
        parts.append(f"{unsupported} cannot be told on this cluster")
    if broken := checks.get("errors"):
        parts.append(f"{broken} could not be looked at: tell your instructor")
    return ", ".join(parts)


def row(lab: Object, now: datetime, *, namespace: bool, wide: bool) -> Row:
    """Return one row of ``practicum get``."""
    spec, status = lab["spec"], lab.get("status", {})
    message = status.get("message", "")
    cells: Row = [lab["metadata"]["namespace"]] if namespace else []
    cells += [
        lab["metadata"]["name"],
        styled_phase(lab),
        spec["template"],
        spec.get("learner", {}).get("id") or "-",
        spec.get("size") or "default",
        expires_in(lab, now),
        services_ready(lab),
        status.get("checks", {}).get("summary") or "-",
    ]
    if wide:
        cells += [
            status.get("template", {}).get("revision") or "-",
            status.get("credentials", {}).get("expiresAt") or "-",
            ",".join(status.get("namespaces", [])) or "-",
        ]
    return [*cells, message]


def headers(*, namespace: bool, wide: bool) -> Sequence[str]:
    """Return the headers that go with ``row``."""
    extra = WIDE if wide else ()
    first = ("namespace",) if namespace else ()
    return (*first, *HEADERS[:-1], *extra, HEADERS[-1])


def styled_phase(lab: Object) -> "Text":
    """Return the phase in its colour."""
    from rich.text import Text

    word = phase(lab)
    return Text(word, style=_STYLES.get(word, ""))  # type: ignore[call-overload]


def holds(condition: Object) -> bool:
    """Whether a condition is as one wishes it."""
    wanted = "False" if condition["type"] in _GOOD_WHEN_FALSE else "True"
    return bool(condition["status"] == wanted)


def steps(lab: Object) -> list[Object]:
    """Return the conditions worth showing: all steps, and notices that have something to say."""
    return [one for one in conditions(lab) if one["type"] not in NOTICES or not holds(one)]


def times(lab: Object, now: datetime) -> dict[str, str]:
    """Return by condition how long after the one before it came true, or how long it is not."""
    before = parse_rfc3339(lab["metadata"]["creationTimestamp"])
    said: dict[str, str] = {}
    for condition in steps(lab):
        moment = parse_rfc3339(condition["lastTransitionTime"])
        if holds(condition):
            said[condition["type"]] = f"+{elapsed(moment - before)}"
            before = max(before, moment)
        else:
            said[condition["type"]] = f"for {elapsed(now - moment)}"
    return said


def tree(lab: Object, now: datetime) -> "Tree":
    """Return the whole state of a lab as a tree."""
    from rich.text import Text
    from rich.tree import Tree

    meta, status = lab["metadata"], lab.get("status", {})
    title = Text.assemble(
        (meta["name"], "bold"), f" in {meta['namespace']}  ", styled_phase(lab), _subtitle(lab, now)
    )
    root = Tree(title, guide_style="dim")
    branch = root.add(Text("conditions", style="bold"))
    spans = times(lab, now)
    for condition in steps(lab):
        branch.add(_condition_line(condition, spans[condition["type"]]))
    if (message := status.get("message")) and message not in _told(lab):
        root.add(Text(message))
    if not spans:
        branch.add(Text("none yet: the operator has not looked at this lab", style="yellow"))
    if services := status.get("services", []):
        branch = root.add(Text(f"services {services_ready(lab)} ready", style="bold"))
        for service in services:
            branch.add(_service_line(service))
    for name, text in _facts(status, now):
        root.add(Text.assemble((f"{name} ", "bold"), text))
    return root


def _facts(status: Object, now: datetime) -> Iterator[tuple[str, str]]:
    if checks := status.get("checks"):
        yield "checks", checks_passed(checks)
    if namespaces := status.get("namespaces", []):
        yield "namespaces", ", ".join(namespaces)
    if credentials := status.get("credentials"):
        until = remaining(parse_rfc3339(credentials["expiresAt"]) - now)
        yield "credentials", f"Secret {credentials['secretRef']}, valid for {until}"


def _subtitle(lab: Object, now: datetime) -> str:
    parts = [lab["spec"]["template"]]
    if (left := expires_in(lab, now)) != "-":
        parts.append("expired" if left == "over" else f"expires in {left}")
    if "deletionTimestamp" in lab["metadata"]:
        parts.append("being deleted")
    elif not observed(lab):
        parts.append("last edit not seen by the operator yet")
    return "  " + ", ".join(parts)


def _told(lab: Object) -> set[str]:
    """Return the messages that the conditions show already."""
    return {one.get("message", "") for one in steps(lab) if not holds(one)}


def _mark(good: bool) -> tuple[str, str]:
    return ("✓ ", "green") if good else ("… ", "yellow")


def _condition_line(condition: Object, span: str) -> "Text":
    from rich.text import Text

    good = holds(condition)
    text = Text.assemble(_mark(good), f"{condition['type']:<18} ", (f"{span:<9} ", "dim"))
    if condition["reason"] != condition["type"]:
        text.append(condition["reason"], style="" if good else "yellow")
    # Ready repeats what the step says that keeps it from being true.
    quiet = good or condition["reason"] == "Waiting" or condition["type"] == ConditionType.READY
    if not quiet and condition.get("message"):
        text.append(f": {condition['message']}")
    return text


def _service_line(service: Object) -> "Text":
    from rich.text import Text

    version = service.get("version") or ""
    line = Text.assemble(_mark(service["ready"]), f"{service['name']:<18} {version:<9} ")
    return line.append(service["url"], style="dim")


def observed(lab: Object) -> bool:
    """Whether the status speaks of the spec as it is now."""
    seen = lab.get("status", {}).get("observedGeneration", 0)
    return bool(seen >= lab["metadata"].get("generation", 0))


def _no_news(condition: Object, known: Object) -> bool:
    """Whether a change of a condition tells nothing, or only what another condition tells."""
    if condition["type"] in NOTICES:
        return not known and holds(condition)
    repeats = condition["reason"] == "Waiting" or condition["type"] == ConditionType.READY
    return repeats and not holds(condition)


def changes(before: Object | None, after: Object) -> list[str]:
    """Return one line per thing that changed, for logs and pipes."""
    old = before or {"metadata": {}, "status": {}}
    lines = []
    if before is None or phase(before) != phase(after):
        lines.append(f"phase {phase(after)}")
    had = {one["type"]: one for one in old.get("status", {}).get("conditions", [])}
    for condition in conditions(after):
        keys = ("status", "reason", "message")
        known = had.get(condition["type"], {})
        if _no_news(condition, known):
            continue
        if [known.get(key) for key in keys] != [condition.get(key) for key in keys]:
            text = f"{condition['type']} {condition['status']} {condition['reason']}"
            message = condition.get("message")
            lines.append(f"{text}: {message}" if message else text)
    ready = {one["name"]: one["ready"] for one in old.get("status", {}).get("services", [])}
    for service in after.get("status", {}).get("services", []):
        if ready.get(service["name"]) != service["ready"]:
            state = "ready" if service["ready"] else "not ready"
            lines.append(f"service {service['name']} {state}")
    return lines
