"""``practicum tasks``: what there is to do in a lab."""

import re
from typing import Final

from practicum import errors
from practicum.api.names import TASKS
from practicum.cli import edit, output
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object, Session

_KEY: Final = re.compile(r"[0-9]+-(.+)\.md")


async def tasks(session: Session, name: str, task: str) -> None:
    """List the tasks of a lab's template, or show one.

    Learners read them in their lab, everybody else in the template.

    Raises:
        CliError: neither may be read, the template is gone, or it has no such task.
    """
    lab = await session.lab(name)
    wanted = lab["spec"]["template"]
    spec = await _spec(session, lab)
    known: list[Object] = spec.get("tasks", [])
    chosen = [one for one in known if not task or one["name"] == task]
    if task and not chosen:
        names = ", ".join(one["name"] for one in known) or "none"
        raise CliError(
            f"template {wanted} has no task {task}", hint=f"it has: {names}", code=Exit.NOT_FOUND
        )
    if session.output != "table":
        output.data(chosen, session.output)
    elif task:
        _markdown(chosen[0]["text"] or f"# {chosen[0]['title']}")
    else:
        _overview(spec, known, name)


async def _spec(session: Session, lab: Object) -> Object:
    """Return the template's spec; of a learner's, as much of it as their lab tells."""
    wanted = lab["spec"]["template"]
    try:
        template = await edit.template_of(session, lab)
    except errors.Forbidden as error:
        if found := await _in_lab(session, lab):
            return {"title": wanted, "tasks": found}
        raise CliError(
            f"you may not read LabTemplate {wanted}, and lab {lab['metadata']['name']} has no "
            f"ConfigMap {TASKS}",
            hint="ask your instructor for the task list",
            code=Exit.FORBIDDEN,
        ) from error
    if template is None:
        raise CliError(f"LabTemplate {wanted} is gone", code=Exit.NOT_FOUND)
    return dict(template["spec"])


async def _in_lab(session: Session, lab: Object) -> list[Object]:
    spaces = lab.get("status", {}).get("namespaces") or []
    try:
        body = await session.kube.find("ConfigMap", spaces[0], TASKS) if spaces else None
    except errors.Forbidden:
        return []
    return [
        {"name": found[1], "title": _title(text), "text": text}
        for key, text in sorted(((body or {}).get("data") or {}).items())
        if (found := _KEY.fullmatch(key))
    ]


def _title(text: str) -> str:
    return text.strip().split("\n", 1)[0].lstrip("# ")


def _overview(spec: Object, known: list[Object], lab: str) -> None:
    output.line(spec["title"])
    for objective in spec.get("objectives", []):
        output.line(f"  - {objective}")
    if not known:
        output.line("this template has no tasks")
        return
    output.line()
    rows = [[str(number), one["name"], one["title"]] for number, one in enumerate(known, 1)]
    output.show(output.table(("#", "task", "title"), rows))
    output.note(f"read one: practicum tasks {lab} {known[0]['name']}")


def _markdown(text: str) -> None:
    if not output.interactive():
        output.line(text.rstrip())
        return
    from rich.markdown import Markdown

    output.show(Markdown(text))
