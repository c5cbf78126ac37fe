"""``practicum tasks``: what there is to do in a lab."""

from practicum import errors
from practicum.cli import edit, output
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object, Session


async def tasks(session: Session, name: str, task: str) -> None:
    """List the tasks of a lab's template, or show one, or all where the list is short.

    Raises:
        CliError: the template may not be read, is gone, or has no such task.
    """
    lab = await session.lab(name)
    wanted = lab["spec"]["template"]
    try:
        template = await edit.template_of(session, lab)
    except errors.Forbidden as error:
        raise CliError(
            f"you may not read LabTemplate {wanted}, which holds the tasks",
            hint="ask your instructor for the task list",
            code=Exit.FORBIDDEN,
        ) from error
    if template is None:
        raise CliError(f"LabTemplate {wanted} is gone", code=Exit.NOT_FOUND)
    known: list[Object] = template["spec"].get("tasks", [])
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
        _overview(template["spec"], known, name)


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
