"""``practicum explain``: gathers what is known about a lab that is not ready and says why."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from practicum import errors
from practicum.api.conditions import ConditionType
from practicum.api.times import parse_rfc3339
from practicum.cli import output
from practicum.cli.diagnosis import (
    Diagnosis,
    diagnose,
    event_time,
    last_events,
    notices,
)
from practicum.cli.exits import Exit
from practicum.cli.moments import elapsed
from practicum.cli.session import Object, Session
from practicum.policy.pods import PodTrouble, troubles

_EVENTS = 6
_NORMAL_OF_CLAIMS = "type=Normal,involvedObject.kind=PersistentVolumeClaim"
_LOG_LINES = 5
_LOGS = 3


@dataclass
class Evidence:
    """What could be read; ``unreadable`` names what could not."""

    events: list[Object] = field(default_factory=list)
    pods: list[PodTrouble] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


async def explain(session: Session, name: str) -> Exit:
    """Say why a lab is not ready; exits 0 only when it is."""
    lab = await session.lab(name)
    verdict = diagnose(lab)
    told = notices(lab)
    if verdict.ready:
        _print_ready(session, name, verdict, told)
        return Exit.OK
    evidence = await _gather(session, lab, verdict.condition == ConditionType.COMPONENTS_READY)
    verdict = diagnose(lab, evidence.pods)
    if session.output != "table":
        output.data(_data(verdict, evidence) | _also(told), session.output)
    else:
        said = lines(name, verdict, evidence, session.now())
        for text in [*said, *(line for one in told for line in ("", *notice(one)))]:
            output.line(text)
    return Exit.FAILURE


def _print_ready(
    session: Session, name: str, verdict: Diagnosis, told: Sequence[Diagnosis]
) -> None:
    if session.output != "table":
        output.data(verdict.data() | _also(told), session.output)
        return
    for text in [f"{name} is ready", *(line for one in told for line in notice(one))]:
        output.line(text)


def _also(told: Sequence[Diagnosis]) -> Object:
    return {"notices": [one.data() for one in told]} if told else {}


def notice(told: Diagnosis) -> Sequence[str]:
    """Return what should be mended in a lab, ready or not."""
    return [
        f"{told.condition}: {told.reason}",
        f"  message  {told.message}",
        f"  object   {told.object}",
        f"  remedy   {told.remedy}",
    ]


def _data(verdict: Diagnosis, evidence: Evidence) -> Object:
    return verdict.data() | {
        "pods": [asdict(pod) for pod in evidence.pods],
        "events": [_event_data(event) for event in evidence.events],
        "unreadable": evidence.unreadable,
    }


def _event_data(event: Object) -> Object:
    wanted = ("type", "reason", "message", "count")
    return {"time": event_time(event), "object": involved(event)} | {
        key: event[key] for key in wanted if event.get(key)
    }


async def _gather(session: Session, lab: Object, pods: bool) -> Evidence:
    """Read the Events, and the pods where they are what is waited for."""
    evidence = Evidence()
    own = f"involvedObject.uid={lab['metadata']['uid']}"
    found = await _read(session, evidence, "Event", session.namespace, own)
    for namespace in lab.get("status", {}).get("namespaces", []):
        found += await _read(session, evidence, "Event", namespace, "type=Warning")
        if pods:
            claims = await _read(session, evidence, "PersistentVolumeClaim", namespace, "")
            running = await _read(session, evidence, "Pod", namespace, "")
            evidence.pods += (troubled := troubles(running, claims))
            if any(one.reason == "VolumePending" for one in troubled):
                found += await _read(session, evidence, "Event", namespace, _NORMAL_OF_CLAIMS)
    evidence.events = last_events(found, most=_EVENTS)
    await _add_logs(session, evidence)
    return evidence


async def _read(
    session: Session, evidence: Evidence, kind: str, namespace: str, selector: str
) -> list[Object]:
    """List what one may; what one may not is noted, not fatal."""
    from practicum.api.kinds import KINDS

    query = {"limit": "500"} | ({"fieldSelector": selector} if selector else {})
    try:
        page = await session.kube.request("GET", KINDS[kind].path(namespace), query=query)
    except (errors.Forbidden, errors.NotFound):
        evidence.unreadable.append(f"{kind}s in namespace {namespace}")
        return []
    items: list[Object] = page.get("items", [])
    return items


async def _add_logs(session: Session, evidence: Evidence) -> None:
    from practicum.kube.stream import tail

    for place, pod in enumerate(evidence.pods[:_LOGS]):
        if not pod.container:
            continue
        body = {"metadata": {"namespace": pod.namespace, "name": pod.pod}}
        log = await tail(session.kube, body, pod.container, previous=pod.previous, lines=_LOG_LINES)
        evidence.pods[place] = replace(pod, log=log)


def lines(name: str, verdict: Diagnosis, evidence: Evidence, now: datetime) -> Sequence[str]:
    """Return the explanation as text, the answer first and the evidence after it."""
    said = [f"{name} is not ready: {verdict.condition} is not true ({verdict.reason})"]
    if verdict.message:
        said.append(f"  message  {verdict.message}")
    said += [f"  object   {verdict.object}", f"  remedy   {verdict.remedy}"]
    if evidence.pods:
        said += ["", "pods that are not ready"]
        for pod in evidence.pods:
            said += _pod_lines(pod)
    if evidence.events:
        said += ["", "last events"]
        said += [_event_line(event, now) for event in evidence.events]
    if evidence.unreadable:
        said += ["", f"you may not read: {', '.join(evidence.unreadable)}"]
    return said


def _pod_lines(pod: PodTrouble) -> list[str]:
    where = f"{pod.namespace}/{pod.pod}" + (f" ({pod.container})" if pod.container else "")
    text = f"  {where}  {pod.reason}" + (f": {pod.message}" if pod.message else "")
    return [text, *(f"    | {line}" for line in pod.log.splitlines())]


def _event_line(event: Object, now: datetime) -> str:
    ago = elapsed(now - parse_rfc3339(event_time(event)))
    times = f" (x{event['count']})" if event.get("count", 1) > 1 else ""
    message = " ".join(event.get("message", "").split())
    return f"  {ago} ago  {event['type']}  {event['reason']}  {involved(event)}: {message}{times}"


def involved(event: Object) -> str:
    """Name the object that an Event is about."""
    about = event.get("involvedObject", {})
    return f"{about.get('kind', '')} {about.get('name', '')}".strip()
