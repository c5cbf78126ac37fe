"""``practicum template``: what authors of modules do, from the folder to the proof on a cluster."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from practicum.cli import output
from practicum.cli.exits import EPILOG, CliError, Exit
from practicum.cli.lab_verbs import span
from practicum.cli.session import Object, Options, check_format, run
from practicum.errors import TemplateError

if TYPE_CHECKING:
    from practicum.api.labtemplate import LabTemplateSpec

app = typer.Typer(
    help="Write modules: check, render, build, push and prove them.",
    no_args_is_help=True,
    epilog=EPILOG,
)
Folder = Annotated[
    Path,
    typer.Argument(help="The module's folder, with template.yaml in it.", file_okay=False),
]
NewFolder = Annotated[
    Path, typer.Argument(help="The folder to make; the module is called so.", file_okay=False)
]
Size = Annotated[str, typer.Option("--size", help="One of the template's sizes.")]
Parameter = Annotated[
    list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE, repeatable.")
]


@app.command(epilog=EPILOG)
def init(folder: NewFolder) -> None:
    """Write a small module to begin with."""
    from practicum.cli.template_init import init as work

    work(folder)


@app.command(epilog=EPILOG)
def lint(ctx: typer.Context, folder: Folder) -> None:
    """Say what is wrong with a module, without a cluster.

    Exits 5 where something is.
    """
    from practicum.catalog import pack
    from practicum.cli import template_lint as work
    from practicum.cli.template_sample import objects, sample

    check_format(ctx.obj, ("table", "json"))
    body = _pack(folder)
    spec, name = _spec(body), body["metadata"]["name"]
    found = list(work.problems(folder, body, spec))
    counts = {}
    for size in spec.sizes:
        lab, made = sample(name, spec, size, {})
        counts[size] = len(objects(made))
        found += work.of_lab(lab, made)
    if ctx.obj.output == "json":
        facts = {"name": name, "bytes": pack.size(body), "objects": counts}
        output.data({**facts, "problems": found}, "json")
    elif not found:
        said = ", ".join(f"{size}: {count} objects" for size, count in counts.items())
        checks = f"{len(spec.checks)} checks"
        output.line(f"{folder}: ok; {said}; {checks}; {pack.size(body)} of {pack.MAX_BYTES} bytes")
    else:
        for problem in found:
            output.line(f"{folder}: {problem}")
    if found:
        raise typer.Exit(Exit.CONFLICT)


@app.command(epilog=EPILOG)
def render(
    ctx: typer.Context, folder: Folder, size: Size = "", parameter: Parameter = None
) -> None:
    """Print every object that a lab of a sample learner is made of; passwords are made up."""
    from practicum.cli.template_sample import objects, sample

    options: Options = ctx.obj
    check_format(options, ("yaml", "json", "name"))
    body = _pack(folder)
    spec = _spec(body)
    wanted = size or spec.default_size
    _, made = sample(body["metadata"]["name"], spec, wanted, _parameters(parameter or []))
    bodies = objects(made)
    if options.output == "name":
        for one in bodies:
            output.line(f"{one['kind']} {one['metadata']['name']}")
    elif options.output == "json":
        output.data({"apiVersion": "v1", "kind": "List", "items": bodies}, "json")
    else:
        output.line("---\n".join(output.dump(one, "yaml") for one in bodies).rstrip())


@app.command(epilog=EPILOG)
def build(ctx: typer.Context, folder: Folder) -> None:
    """Print what a module is packed into, for kubectl apply -f -.

    That is the LabTemplate, and a ConfigMap with what its checks know and no learner may see.
    """
    from practicum.catalog import pack as packing

    options: Options = ctx.obj
    check_format(options, ("yaml", "json"))
    bodies = [body for body in (_answers(folder), _pack(folder)) if body]
    if options.output == "json":
        output.data({"apiVersion": "v1", "kind": "List", "items": bodies}, "json")
    else:
        output.line("---\n".join(packing.dump(body) for body in bodies).rstrip())


@app.command(epilog=EPILOG)
def push(ctx: typer.Context, folder: Folder) -> None:
    """Put a module into a course's namespace, for labs of that course.

    Labs that run stay on the revision that they began with.
    """
    from practicum.cli.template_push import push as work

    body, answers = _pack(folder), _answers(folder)

    async def pushed(session: Any) -> None:
        for made in await work(session, body, answers):
            meta = made["metadata"]
            output.line(f"{made['kind'].lower()}/{meta['name']} in {meta['namespace']} applied")

    run(ctx, pushed)


@app.command(epilog=EPILOG)
def test(
    ctx: typer.Context,
    folder: Folder,
    size: Size = "",
    parameter: Parameter = None,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="DURATION", help="For the lab to be Ready.")
    ] = "15m",
    keep: Annotated[bool, typer.Option("--keep", help="Leave the lab, to look at it.")] = False,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write the results as JSON.")
    ] = None,
) -> None:
    """Prove a module on the cluster: a new lab fails its checks, a solved one passes them.

    It takes the rights of a course's staff. Exits 1 where a check does not say what it should.
    """
    from practicum.cli import template_test as work

    wanted = work.Wanted(
        folder, size, _parameters(parameter or []), ready=span(timeout), keep=keep, report=report
    )
    run(ctx, lambda session: work.test(session, wanted), formats=("table", "json"))


def _answers(folder: Path) -> Object | None:
    from practicum.catalog import pack as packing

    try:
        return packing.answers(folder)
    except TemplateError as error:
        raise CliError(str(error), code=Exit.CONFLICT) from error


def _pack(folder: Path) -> Object:
    from practicum.catalog import pack as packing

    try:
        return packing.pack(folder)
    except TemplateError as error:
        raise CliError(str(error), code=Exit.CONFLICT) from error


def _spec(body: Object) -> "LabTemplateSpec":
    from practicum.api.labtemplate import LabTemplateSpec

    return LabTemplateSpec.model_validate(body["spec"])


def _parameters(pairs: list[str]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for pair in pairs:
        name, found, value = pair.partition("=")
        if not (found and name):
            raise CliError(f"--parameter {pair} is not NAME=VALUE", code=Exit.USAGE)
        chosen[name] = value
    return chosen
