"""``practicum report`` on a real API server, by who has an instructor's rights in a course."""

import csv
import io
import json
from pathlib import Path

import pytest

from e2e.cluster.control_plane import ControlPlane
from practicum.kube.client import Kube, Object
from tests import reports

from .command import practicum
from .conftest import LabMaker, access, bind
from .operator_process import OperatorProcess

COHORT = "reported"
STATES = (["pass", "fail"], ["pass", "pass"], ["pending", "unsupported"])


async def write_status(kube: Kube, body: Object, **status: object) -> None:
    """Write parts of a status as the operator would."""
    meta = body["metadata"]
    plural = f"{body['kind'].lower()}s"
    path = f"/apis/practicum.dev/v1alpha1/namespaces/{meta['namespace']}/{plural}/{meta['name']}"
    await kube.request(
        "PATCH",
        f"{path}/status",
        body={"status": status},
        content_type="application/merge-patch+json",
    )


@pytest.fixture
async def labs(kube: Kube, make_lab: LabMaker, operator: OperatorProcess) -> list[Object]:
    """Three labs of a cohort, one of which is in the books too, and one that is gone."""
    operator.stop()  # it would look at their checks itself
    made = []
    for number, states in enumerate(STATES):
        lab = await make_lab()
        name = lab["metadata"]["name"]
        labels = {"metadata": {"labels": {"practicum.dev/cohort": COHORT}}}
        await kube.merge_patch("LabEnvironment", "course-a", name, labels)
        await write_status(
            kube,
            lab,
            phase="Ready",
            readyAt=lab["metadata"]["creationTimestamp"],
            checks=reports.checks(states),
            usage=reports.usage(number + 1, cost="0.3333"),
            activity=reports.activity(reports.BORN, "Ready" if number == 2 else "Checks"),
        )
        made.append(lab)
    rows = [reports.gone(uid, cohort=COHORT) for uid in (made[0]["metadata"]["uid"], "gone")]
    await kube.apply(reports.book(*rows))
    return made


@pytest.fixture
async def instructor(kube: Kube, control_plane: ControlPlane, tmp_path: Path) -> Path:
    await bind(kube, "course-a", "instructor-of-tests", "edit")
    return access(control_plane, tmp_path, "course-a", "instructor-of-tests")


async def test_an_instructor_sees_the_figures_of_their_course(
    labs: list[Object], instructor: Path
) -> None:
    words = ("--cohort", COHORT, "-o", "json")
    cost = practicum(instructor, "report", "cost", *words)
    assert (cost.returncode, cost.stderr) == (0, "")
    found = json.loads(cost.stdout)
    assert (found["currency"], found["total"]["labs"]) == ("EUR", 4)
    # Three that are there and one that is gone; what is in both counts as it is.
    assert found["total"]["cost"] == 1.9999
    used = json.loads(practicum(instructor, "report", "usage", *words).stdout)
    assert used["total"]["requestedCpuCoreHours"] == 1 + 2 + 3 + 4
    assert used["total"]["cpuEfficiencyRatio"] == 0.25
    progress = practicum(instructor, "report", "progress", "--cohort", COHORT, "-o", "csv")
    rows = {row["uid"]: row for row in csv.DictReader(io.StringIO(progress.stdout))}
    shown = [list(rows[lab["metadata"]["uid"]].values())[-2:] for lab in labs]
    assert shown == [list(states) for states in STATES]
    assert rows["gone"]["checksPassed"] == "2"
    activity = json.loads(practicum(instructor, "report", "activity", *words).stdout)
    assert (activity["total"]["started"], activity["total"]["neverStarted"]) == (3, 1)


async def test_the_page_of_a_course(labs: list[Object], instructor: Path, tmp_path: Path) -> None:
    file = tmp_path / "course.html"
    done = practicum(instructor, "report", "all", "--cohort", COHORT, "--file", str(file))
    assert done.returncode == 0, done.stderr
    text = file.read_text(encoding="utf-8")
    assert text.count("<svg") == 4
    for lab in labs:
        assert text.count(lab["spec"]["learner"]["id"]) >= 4


async def test_who_may_not_read_is_told_so(
    kube: Kube, control_plane: ControlPlane, labs: list[Object], instructor: Path, tmp_path: Path
) -> None:
    elsewhere = practicum(instructor, "report", "usage", "-A")
    assert elsewhere.returncode == 4
    assert "you may not list the labs of all namespaces; name a course" in elsewhere.stderr
    folder = tmp_path / "stranger"
    folder.mkdir()
    stranger = access(control_plane, folder, "course-a", "default")
    refused = practicum(stranger, "report", "usage")
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "you may not list the labs of namespace course-a" in refused.stderr
    await bind(kube, "course-a", "looker-of-tests", "practicum-viewer")
    folder = tmp_path / "looker"
    folder.mkdir()
    looker = access(control_plane, folder, "course-a", "looker-of-tests")
    partial = practicum(looker, "report", "usage", "--cohort", COHORT, "-o", "json")
    assert partial.returncode == 0, partial.stderr
    assert "you may not list the ConfigMaps of namespace course-a" in partial.stderr
    assert json.loads(partial.stdout)["total"]["labs"] == len(labs)
