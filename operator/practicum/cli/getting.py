"""``practicum get``: labs as a table, as data, or as they change."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from practicum import errors
from practicum.cli import labview, output
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object, Session

if TYPE_CHECKING:
    from rich.console import RenderableType

_TABLES = ("table", "wide")


@dataclass(frozen=True)
class Listing:
    """Which labs to show."""

    session: Session
    lab: str = ""
    everywhere: bool = False

    @property
    def namespace(self) -> str:
        """The namespace to look in; empty for all."""
        return "" if self.everywhere else self.session.namespace

    async def show(self) -> None:
        """Show the labs as they are now.

        Raises:
            CliError: they may not be listed.
        """
        if self.lab:
            self._print([await self.session.lab(self.lab)])
            return
        self._print(await self._list())

    async def _list(self) -> list[Object]:
        try:
            return await self.session.kube.list("LabEnvironment", self.namespace)
        except errors.Forbidden as error:
            where = f"namespace {self.namespace}" if self.namespace else "all namespaces"
            raise CliError(
                f"you may not list the labs of {where}",
                hint="name your own: practicum get LAB",
                code=Exit.FORBIDDEN,
            ) from error

    def _print(self, labs: Sequence[Object]) -> None:
        format_ = self.session.output
        if format_ in ("json", "yaml"):
            bodies = [clean(lab) for lab in labs]
            listed: Object = {"apiVersion": "v1", "kind": "List", "items": bodies}
            output.data(bodies[0] if self.lab else listed, format_)
        elif format_ == "name":
            for lab in labs:
                output.line(reference(lab))
        elif labs:
            output.show(self._table(labs))
        else:
            where = f"namespace {self.namespace}" if self.namespace else "any namespace"
            output.note(f"no labs in {where}")

    def _row(self, lab: Object) -> labview.Row:
        wide = self.session.output == "wide"
        return labview.row(lab, self.session.now(), namespace=self.everywhere, wide=wide)

    def _table(self, labs: Sequence[Object]) -> "RenderableType":
        headers = labview.headers(namespace=self.everywhere, wide=self.session.output == "wide")
        ordered = sorted(labs, key=_key)
        return output.table(headers, [self._row(lab) for lab in ordered])

    async def watch(self) -> None:
        """Show the labs and every change until interrupted."""
        from practicum.kube.stream import watch

        if self.lab:
            await self.session.lab(self.lab)
        else:
            await self._list()
        known: dict[tuple[str, str], Object] = {}
        shown: dict[tuple[str, str], tuple[str, bool]] = {}
        stream = watch(self.session.kube, "LabEnvironment", self.namespace, self.lab)
        async with aclosing(stream) as events:
            with self._view(known) as update:
                async for event in events:
                    if event.type == "RESET":
                        known.clear()
                        continue
                    key, gone = _key(event.object), event.type == "DELETED"
                    known[key] = event.object
                    if gone:
                        del known[key]
                    # A lost connection tells everything anew.
                    state = (event.object["metadata"]["resourceVersion"], gone)
                    if shown.get(key) != state:
                        shown[key] = state
                        update(event.object)

    @contextmanager
    def _view(self, known: dict[tuple[str, str], Object]) -> Iterator[Callable[[Object], None]]:
        """Yield what shows a change: a table that lives, or one line per change."""
        if self.session.output in _TABLES and output.interactive():
            from rich.live import Live

            with Live(
                console=output.console(),
                refresh_per_second=1,
                get_renderable=lambda: self._table(list(known.values())),
            ) as live:
                yield lambda _: live.refresh()
        else:
            yield lambda lab: output.line(self._change(lab, gone=_key(lab) not in known))

    def _change(self, lab: Object, *, gone: bool) -> str:
        if self.session.output == "name":
            return reference(lab)
        if self.session.output not in _TABLES:
            kind = "DELETED" if gone else "CURRENT"
            return json.dumps({"type": kind, "object": clean(lab)}, ensure_ascii=False)
        cells = [str(cell) for cell in self._row(lab)]
        return "   ".join([*cells[:-1], "deleted" if gone else cells[-1]]).rstrip()


def _key(lab: Object) -> tuple[str, str]:
    return lab["metadata"]["namespace"], lab["metadata"]["name"]


def reference(lab: Object) -> str:
    """Return the name that kubectl takes."""
    return f"labenvironment.practicum.dev/{lab['metadata']['name']}"


def clean(lab: Object) -> Object:
    """Return the object without the record of who set which field."""
    meta = {key: value for key, value in lab["metadata"].items() if key != "managedFields"}
    return lab | {"metadata": meta}
