"""What can be known of the demo without a cluster."""

from datetime import date, timedelta

import pytest
import yaml

from e2e.demo.__main__ import MANIFEST
from e2e.demo.change import ANSWER, FACTS, free
from e2e.demo.terminal import shortened
from practicum.api.labenvironment import LabEnvironmentSpec
from practicum.cli import changeview
from tests.unit.changes import NOW, waiting


def test_adas_lab_is_never_frozen() -> None:
    specs = [body["spec"] for body in yaml.safe_load_all(MANIFEST.read_text())]
    for spec in specs:
        LabEnvironmentSpec.model_validate(spec)
    first, last = (specs[0]["parameters"][key] for key in ("freezeFrom", "freezeUntil"))
    year = [f"{date(2028, 1, 1) + timedelta(days=day):%m-%d}" for day in range(366)]
    assert first <= last, "else it passes the turn of the year"
    assert [day for day in year if first <= day <= last] == []


@pytest.mark.parametrize(
    ("taken", "name"),
    [
        ((), "promote-2"),
        (("promote-3",), "promote-2"),
        (("promote-2",), "promote-2-run2"),
        (("promote-2", "promote-2-run2"), "promote-2-run3"),
    ],
)
def test_no_run_of_the_demo_takes_the_name_of_another(taken: tuple[str, ...], name: str) -> None:
    assert free("promote-2", taken) == name


def test_of_a_request_the_facts_and_reasons_are_shown() -> None:
    refused = {"allow": False, "reasons": [{"control": "PRM-4", "message": "it is too low"}]}
    body = waiting("promote-3", decision=refused)
    facts = list(changeview.facts(body, NOW))
    progress = "13:00:00 AwaitingApproval: waits for role risk-reviewer"
    text = "\n".join(["request promote-3 made", progress, *facts])
    kept = list(shortened(text, FACTS))
    assert kept[:2] == ["request promote-3 made", facts[0]]
    assert "    PRM-4: it is too low" in kept
    assert progress not in kept
    leaves = [line for line in facts if line.startswith("    ") and " = " in line]
    assert leaves
    assert not set(leaves) & set(kept)
    assert kept[-1] == f"  … and {len(text.splitlines()) - len(kept) + 1} more"


def test_of_an_approval_its_last_line_is_shown() -> None:
    said = "promote-2-approve-x7k2q: Approve by reviewer-ml, for evidence 0123456789ab"
    text = "\n".join([*changeview.facts(waiting(), NOW, most=0), said])
    assert next(iter(shortened(text, ANSWER))) == said
