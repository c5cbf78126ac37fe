"""Looks at what services of the lab answer: http, metrics, decision."""

import math
from collections.abc import Mapping
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from practicum.api.looks.services import DecisionCheck, HttpCheck, Latency, MetricsCheck
from practicum.checks import findings, values
from practicum.checks.findings import PASSED, Finding
from practicum.checks.outcomes import LookBroken
from practicum.checks.repeating import Asked
from practicum.checks.scene import Scene
from practicum.errors import ServiceError
from practicum.governance.http import Answer


async def look_at_http(scene: Scene, look: HttpCheck) -> Finding:
    """Send a request, some times over where it has to be quick."""
    asked = await scene.ask(look, look.latency.samples + 1 if look.latency else 1)
    what = f"{look.method} {look.service or ''}{look.url}{look.path}"
    if asked.status not in look.status:
        wanted = " or ".join(map(str, look.status))
        text = f"{what} as {look.as_ or 'nobody'} was answered {asked.status}, not {wanted}"
        return findings.failed(text, wanted, f"{asked.status} {values.shown(asked.body)}")
    document = {"status": asked.status, "headers": asked.headers, "body": asked.body}
    if trouble := values.violation(look.expect, document):
        return findings.differs(trouble, what)
    return _in_time(look.latency, asked, what) if look.latency else PASSED


def _in_time(latency: Latency, asked: Asked, what: str) -> Finding:
    # The first answer warms things up.
    took = sorted(asked.seconds[1:])
    p95, limit = 1000 * took[max(0, math.ceil(0.95 * len(took)) - 1)], latency.p95_milliseconds
    if p95 <= limit:
        return PASSED
    text = f"{what}: p95 of {len(took)} answers is {p95:.0f} ms, at most {limit} ms"
    return findings.failed(text, f"{limit} ms", f"{p95:.0f} ms")


async def fetch_metrics(scene: Scene, look: MetricsCheck) -> dict[str, float]:
    """Return the sums of a service's samples by name, of those that bear the labels."""
    headers = scene.login(look.service, look.as_)
    answer = await _asked(scene, look, headers)
    text = answer.body.decode("utf-8", "replace") if isinstance(answer.body, bytes) else ""
    sums: dict[str, float] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if look.labels.items() <= sample.labels.items():
                    sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    except ValueError as error:
        raise LookBroken(f"{look.service}{look.path} has no metrics: {error}") from error
    return sums


async def _asked(scene: Scene, look: MetricsCheck, headers: Mapping[str, str]) -> Answer:
    service, path = look.service, look.path
    try:
        answer = await scene.backends.ask(service, "GET", path, None, headers, parse=False)
    except ServiceError as error:
        raise scene.silent(service, error) from error
    if answer.status != 200:
        failed = ServiceError("Failed", f"{path} was answered {answer.status}")
        raise scene.silent(service, failed)
    return answer


async def look_at_metrics(scene: Scene, look: MetricsCheck) -> Finding:
    """Compare a metric's sum."""
    value = (await fetch_metrics(scene, look)).get(look.metric, 0.0)
    if values.holds(look.op, value, look.value):
        return PASSED
    labels = ",".join(f"{key}={text}" for key, text in look.labels.items())
    what = f"{look.metric}{{{labels}}}"
    text = f"{what} of {look.service} is {value:g}, expected {look.op} {look.value:g}"
    return findings.failed(text, f"{look.op} {look.value:g}", f"{value:g}")


async def fetch_decision(scene: Scene, look: DecisionCheck) -> Any:
    """Return OPA's whole answer."""
    try:
        return (await scene.backends.opa(look.path, look.input)).body
    except ServiceError as error:
        raise LookBroken(f"opa: {error}") from error


async def look_at_decision(scene: Scene, look: DecisionCheck) -> Finding:
    """Ask the lab's OPA, and hold its answer against what is expected."""
    policy = scene.lab.resource.status.governed
    if look.revision == "released" and not (policy and policy.policy):
        return findings.failed("the lab still decides by the policies of the template")
    answer = await fetch_decision(scene, look)
    if not isinstance(answer, dict):
        raise LookBroken("opa did not answer with an object")
    if ("result" not in answer) is not look.undefined:
        observed = "undefined" if "result" not in answer else "defined"
        expected = "undefined" if look.undefined else "defined"
        return findings.failed(f"{look.path} is {observed}", expected, observed)
    result = answer.get("result")
    if look.match and (trouble := values.difference(look.match, result)):
        return findings.differs(trouble, look.path)
    return _reasons(look, result)


def _reasons(look: DecisionCheck, result: Any) -> Finding:
    found = result.get("deny") if isinstance(result, dict) else result
    denied = found if isinstance(found, list) else []
    there = {str(one.get(key)) for one in denied if isinstance(one, dict) for key in one}
    there |= {one for one in denied if isinstance(one, str)}
    missing = [one for one in look.denies if one not in there]
    if not missing:
        return PASSED
    codes = sorted(
        str(one.get("control") or one.get("code")) for one in denied if isinstance(one, dict)
    )
    text = f"{look.path} does not refuse by {', '.join(missing)}"
    return findings.failed(text, ", ".join(look.denies), ", ".join(codes) or "nothing refused")
