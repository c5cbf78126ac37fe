"""Judges a Practicum that is installed: its pieces, its catalogue and its labs. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from practicum.api.conditions import Phase
from practicum.api.crd import crds
from practicum.api.names import NETWORK_RECORD
from practicum.api.times import parse_rfc3339
from practicum.cli import diagnosis, labview
from practicum.cli.examination import (
    UPGRADE,
    Finding,
    environment,
    fail,
    ok,
    setting,
    unknown,
    warn,
)
from practicum.cli.moments import elapsed
from practicum.policy.pods import is_ready

Object = dict[str, Any]

COURSE_BINDING: Final = "practicum-operator-course"
ROOT_KEY: Final = "practicum-root-key"
_RECENT: Final = timedelta(hours=1)
_PATIENCE: Final = timedelta(minutes=10)
_NAMED: Final = 3


def schemas(found: Mapping[str, Object]) -> Finding:
    """Judge the CRDs against those of this command; ``found`` is by plural name."""
    older, newer = [], []
    for crd in crds().values():
        plural = crd["spec"]["names"]["plural"]
        if plural not in found:
            return fail(f"CustomResourceDefinition {plural} is missing", UPGRADE)
        ours, theirs = set(_fields(crd)), set(_fields(found[plural]))
        older += [f"{plural} {path}" for path in sorted(ours - theirs)]
        newer += [f"{plural} {path}" for path in sorted(theirs - ours)]
    if older:
        return warn(f"older than this command: no {_some(older)}", UPGRADE)
    if newer:
        return warn(
            f"newer than this command: {_some(newer)}", "install the command of its version"
        )
    return ok("of this command's version")


def _fields(crd: Object) -> Iterator[str]:
    """Yield the path of every field that a CRD knows."""
    for version in crd["spec"]["versions"]:
        yield from _paths(version["schema"]["openAPIV3Schema"], "")


def _paths(schema: Object, path: str) -> Iterator[str]:
    for name, child in schema.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from _paths(child, f"{path}.{name}")
    for part, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(child := schema.get(part), dict):
            yield from _paths(child, path + mark)


def health(pods: Sequence[Object], events: Iterable[Object], now: datetime) -> Finding:
    """Judge how the operator's pods ended within an hour, and what its namespace was warned of."""
    for pod in pods:
        for one in pod.get("status", {}).get("containerStatuses", []):
            end = one.get("lastState", {}).get("terminated")
            if end and now - parse_rfc3339(end["finishedAt"]) < _RECENT:
                since = elapsed(now - parse_rfc3339(end["finishedAt"]))
                why = f"{end.get('reason', 'Error')}, exit code {end['exitCode']}"
                return warn(
                    f"{pod['metadata']['name']} ended {since} ago ({why})",
                    "kubectl logs --previous says why; with OOMKilled raise the chart's resources",
                )
    # What a Pod that is ready now, or gone, was warned of is over, and NetworkPolicy is a check.
    ill = {("Pod", pod["metadata"]["name"]) for pod in pods if not is_ready(pod)}
    fresh = [
        one
        for one in events
        if now - _moment(one) < _RECENT
        and _about(one) != ("ConfigMap", NETWORK_RECORD)
        and (_about(one)[0] != "Pod" or _about(one) in ill)
    ]
    if fresh:
        last = diagnosis.last_events(fresh, most=1)[0]
        return warn(
            f"{last['reason']} of {' '.join(_about(last))}: {last.get('message', '')}",
            "see kubectl get events in its namespace",
        )
    return ok("no end of its pods and no warning within the last hour")


def _about(event: Object) -> tuple[str, str]:
    about = event["involvedObject"]
    return about["kind"], about["name"]


def _moment(event: Object) -> datetime:
    return parse_rfc3339(diagnosis.event_time(event))


def courses(bindings: Iterable[Object]) -> Finding:
    """Judge the RoleBindings by which courses are opted in."""
    names = sorted(
        body["metadata"]["namespace"]
        for body in bindings
        if body["roleRef"]["name"] == COURSE_BINDING
    )
    if not names:
        return warn(
            "none is opted in: labs are left alone", "name them in the chart's value courses"
        )
    return ok(f"{len(names)}: {_some(names)}")


def root_key_name(deployment: Object | None) -> str:
    """Return the name of the Secret with the root key."""
    for entry in environment(deployment):
        if entry["name"] == "PRACTICUM_ROOT_KEY":
            named = entry.get("valueFrom", {}).get("secretKeyRef", {})
            return str(named.get("name", ROOT_KEY))
    return ROOT_KEY


def root_key(name: str, secret: Object | None) -> Finding:
    """Judge whether there is a key; what it is, is neither looked at nor told."""
    if secret is None or "root-key" not in secret.get("data", {}):
        return fail(
            f"Secret {name} has no root-key: no password of a lab can be derived",
            "restore it from a backup; a new one changes every password of every lab",
        )
    return ok(f"Secret {name} is there: keep a copy of it")


def images(
    deployment: Object | None, templates: Iterable[Object], nodes: Iterable[Object]
) -> Finding:
    """Judge which images of the templates some node holds; the others nobody has pulled yet."""
    instead = json.loads(setting(deployment, "PRACTICUM_IMAGES") or "{}")
    wanted = {
        instead.get(name, image)
        for body in templates
        for name, image in body["spec"].get("images", {}).items()
    }
    held = {
        name
        for node in nodes
        for image in node["status"].get("images", [])
        for name in image.get("names") or ()
    }
    missing = sorted(
        image for image in wanted if not any(f"/{one}".endswith(f"/{image}") for one in held)
    )
    if missing:
        return unknown(
            f"{len(missing)} of {len(wanted)} are on no node yet: {_some(missing)}",
            "the first lab of a module pulls them; practicum explain LAB tells what cannot be",
        )
    return ok(f"{len(wanted)} that labs use are on the nodes")


def labs(bodies: Sequence[Object], now: datetime) -> Finding:
    """Judge whether a lab is stuck."""
    phases = Counter(map(labview.phase, bodies))
    stuck = [told for body in bodies if (told := _stuck(body, now))]
    if stuck:
        return warn(
            f"{len(stuck)} of {len(bodies)} are stuck: {_some(stuck)}",
            "practicum explain LAB -n COURSE says why, and what to do",
        )
    counted = ", ".join(f"{count} {phase}" for phase, count in phases.most_common())
    return ok(f"none of {len(bodies)} is stuck" + (f": {counted}" if counted else ""))


def _stuck(lab: Object, now: datetime) -> str:
    """Say which lab and why, or nothing where it is not stuck."""
    meta, phase = lab["metadata"], labview.phase(lab)
    since = meta.get("deletionTimestamp") or meta["creationTimestamp"]
    late = now - parse_rfc3339(since) > _PATIENCE
    waits = "deletionTimestamp" in meta or not lab.get("status", {}).get("phase")
    if phase not in (Phase.FAILED, Phase.DEGRADED) and not (waits and late):
        return ""
    why = diagnosis.diagnose(lab).reason
    return f"{meta['namespace']}/{meta['name']} {phase} ({why})"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
