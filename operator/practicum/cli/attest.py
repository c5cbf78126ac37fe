"""Attestations: made in the name that the API server knows the caller by, and listed."""

import re
from dataclasses import dataclass
from typing import Any

from practicum.api.kinds import KINDS
from practicum.api.times import parse_rfc3339
from practicum.cli import moments, output
from practicum.cli.apply import MANAGER
from practicum.cli.exits import CliError, Exit
from practicum.cli.getting import clean
from practicum.cli.session import Object, Session
from practicum.governance import place

_SCORE = re.compile(r"([^=]+)=([0-9]{1,4})/([0-9]{1,4})")
_HEADERS = ("name", "lab", "subject", "passed", "score", "rater", "age")


@dataclass(frozen=True)
class Verdict:
    """What somebody thinks of a subject."""

    subject: str
    rubric: tuple[Object, ...]
    passed: bool
    comment: str = ""


def score(text: str) -> dict[str, Any]:
    """Read ``CRITERION=N/M`` as an entry of ``spec.rubric``.

    Raises:
        CliError: it is something else.
    """
    if not (parts := _SCORE.fullmatch(text)):
        raise CliError(
            f"--score {text} is not CRITERION=N/M", hint="such as: evidence=3/5", code=Exit.USAGE
        )
    return {"criterion": parts[1], "score": int(parts[2]), "max": int(parts[3])}


async def give(session: Session, lab: str, verdict: Verdict) -> None:
    """Make a rating of a lab that is there."""
    await session.lab(lab)
    kind = KINDS["Attestation"]
    spec = {
        "lab": lab,
        "subject": verdict.subject,
        "rubric": list(verdict.rubric),
        "passed": verdict.passed,
        "rater": await place.username(session.kube),
        "comment": verdict.comment,
    }
    body = {
        "apiVersion": kind.api_version,
        "kind": "Attestation",
        "metadata": {"generateName": f"{lab}-{verdict.subject}-"},
        "spec": spec,
    }
    made = await session.kube.request(
        "POST",
        kind.path(session.namespace),
        query={"fieldManager": MANAGER},
        body=body,
        repeat=False,
    )
    if session.output in ("json", "yaml"):
        output.data(clean(made), session.output)
    elif session.output == "name":
        output.line(_reference(made))
    else:
        output.line(f"{_reference(made)} created: {_sentence(made['spec'])}")


async def show(session: Session, lab: str) -> None:
    """List the ratings of a course, oldest first, or those of one lab."""
    found = await session.kube.list("Attestation", session.namespace)
    chosen = sorted((one for one in found if lab in ("", one["spec"]["lab"])), key=_moment)
    if session.output in ("json", "yaml"):
        bodies = [clean(one) for one in chosen]
        output.data({"apiVersion": "v1", "kind": "List", "items": bodies}, session.output)
    elif session.output == "name":
        for one in chosen:
            output.line(_reference(one))
    elif chosen:
        output.show(output.table(_HEADERS, [_row(session, one) for one in chosen]))
    else:
        of = f"of lab {lab} " if lab else ""
        output.note(f"no ratings {of}in namespace {session.namespace}")


def _moment(body: Object) -> tuple[str, str]:
    return body["metadata"]["creationTimestamp"], body["metadata"]["name"]


def _reference(body: Object) -> str:
    return f"attestation.practicum.dev/{body['metadata']['name']}"


def _points(spec: Object) -> tuple[int, int]:
    return (
        sum(one["score"] for one in spec["rubric"]),
        sum(one["max"] for one in spec["rubric"]),
    )


def _sentence(spec: Object) -> str:
    given, most = _points(spec)
    verdict = "passed" if spec["passed"] else "not passed"
    return f"{spec['subject']} {verdict}, {given} of {most} points, by {spec['rater']}"


def _row(session: Session, body: Object) -> list[str]:
    spec, meta = body["spec"], body["metadata"]
    given, most = _points(spec)
    age = moments.elapsed(session.now() - parse_rfc3339(meta["creationTimestamp"]))
    verdict = "yes" if spec["passed"] else "no"
    facts = (spec["lab"], spec["subject"], verdict, f"{given}/{most}", spec["rater"])
    return [meta["name"], *facts, age]
