"""``practicum tasks``: from the template for who may read it, from the lab for its learner."""

import json
from typing import Any, cast

import pytest

from practicum import errors
from practicum.cli import tasks
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Options, Session
from tests.unit.changes import COURSE, LAB, SPACE, Cluster, FakeKube, lab

Object = dict[str, Any]
TEMPLATE = {
    "kind": "LabTemplate",
    "metadata": {"name": "mod-506", "namespace": COURSE},
    "spec": {
        "title": "Registries",
        "objectives": ["Promote a model"],
        "tasks": [
            {"name": "explore", "title": "Look around", "text": "# Look around\n\nSee.\n"},
            {"name": "plan", "title": "Plan", "text": ""},
        ],
    },
}
IN_LAB = {
    "kind": "ConfigMap",
    "metadata": {"name": "lab-tasks", "namespace": SPACE},
    "data": {
        "02-plan.md": "# Plan\n",
        "01-explore.md": "# Look around\n\nSee.\n",
        "notes.txt": "no task",
    },
}


def session(*objects: Object, output: str = "", refused: tuple[str, ...] = ()) -> Session:
    cluster = Cluster(lab(), *objects)
    for kind in refused:
        cluster.refusals["get", kind] = errors.Forbidden(403, "Forbidden", "no")
    return Session(cast(Any, FakeKube(cluster, "somebody")), COURSE, Options(output=output))


async def test_staff_reads_the_template(capsys: pytest.CaptureFixture[str]) -> None:
    await tasks.tasks(session(TEMPLATE), LAB, "")
    said = capsys.readouterr()
    assert said.out.splitlines()[:2] == ["Registries", "  - Promote a model"]
    assert [line.split()[:2] for line in said.out.splitlines()[4:]] == [
        ["1", "explore"],
        ["2", "plan"],
    ]
    assert said.err == "read one: practicum tasks ada explore\n"


async def test_a_learner_reads_them_in_their_lab(capsys: pytest.CaptureFixture[str]) -> None:
    mine = session(IN_LAB, refused=("LabTemplate",))
    await tasks.tasks(mine, LAB, "")
    rows = [line.split()[:2] for line in capsys.readouterr().out.splitlines()[-2:]]
    assert rows == [["1", "explore"], ["2", "plan"]]
    await tasks.tasks(mine, LAB, "explore")
    assert capsys.readouterr().out == "# Look around\n\nSee.\n"


async def test_a_task_without_a_text_is_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    await tasks.tasks(session(TEMPLATE), LAB, "plan")
    assert capsys.readouterr().out == "# Plan\n"


async def test_a_task_that_there_is_not() -> None:
    with pytest.raises(CliError, match="template mod-506 has no task swim") as caught:
        await tasks.tasks(session(TEMPLATE), LAB, "swim")
    assert (caught.value.code, caught.value.hint) == (Exit.NOT_FOUND, "it has: explore, plan")


async def test_a_template_without_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    empty = {**TEMPLATE, "spec": {"title": "Empty"}}
    await tasks.tasks(session(empty), LAB, "")
    assert capsys.readouterr().out == "Empty\nthis template has no tasks\n"


async def test_a_template_that_is_gone() -> None:
    with pytest.raises(CliError, match="LabTemplate mod-506 is gone") as caught:
        await tasks.tasks(session(), LAB, "")
    assert caught.value.code is Exit.NOT_FOUND


@pytest.mark.parametrize("refused", [("LabTemplate",), ("LabTemplate", "ConfigMap")])
async def test_who_may_read_neither_is_told_whom_to_ask(refused: tuple[str, ...]) -> None:
    objects = [IN_LAB] if "ConfigMap" in refused else []
    with pytest.raises(CliError, match="has no ConfigMap lab-tasks") as caught:
        await tasks.tasks(session(*objects, refused=refused), LAB, "")
    assert (caught.value.code, caught.value.hint) == (
        Exit.FORBIDDEN,
        "ask your instructor for the task list",
    )


async def test_tasks_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    await tasks.tasks(session(TEMPLATE, output="json"), LAB, "")
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["explore", "plan"]
    mine = session(IN_LAB, output="json", refused=("LabTemplate",))
    await tasks.tasks(mine, LAB, "plan")
    (one,) = json.loads(capsys.readouterr().out)
    assert one == {"name": "plan", "title": "Plan", "text": "# Plan\n"}
