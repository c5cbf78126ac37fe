"""Writes ``lab-templates/README.md``: what of each roadmap is practised where, and what proves it.

``make coverage`` takes in what ``practicum template test`` reported last (``build/modules``), which
is kept in ``lab-templates/verdicts.json``. With folders of roadmaps as arguments it says instead
which of their lines no module has.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from practicum.api.labtemplate import Criterion, LabTemplateSpec
from practicum.catalog import pack

ROOT: Final = Path(__file__).resolve().parents[1]
TEMPLATES: Final = ROOT / "lab-templates"
TABLE: Final = TEMPLATES / "README.md"
VERDICTS: Final = TEMPLATES / "verdicts.json"
REPORTS: Final = ROOT / "build/modules"
Verdicts = Mapping[str, Any]

_TOP: Final = """\
# The modules

What each roadmap asks for, the task in which it is practised, and the checks that say when it is
met. Every check was seen failing in a new lab and passing once the module's `solution/` was applied
(`practicum template test`); *rated* ones are people's, who rate what a machine cannot. This page is
written by `make coverage` from the modules and from what was seen last (`verdicts.json`).

"""
_SECTIONS: Final = (
    *("Learning Objectives", "Competency Alignment", "Content Outline", "Hands-On Activities"),
    *("Practical Components", "Assessments & Evidence", "Quality Checklist"),
)
_COLUMNS: Final = {"Competency Alignment": (2,), "Practical Components": (1, 2)}
"""Which cells of a section's table are lines to cover; the first is 0."""


@cache
def modules() -> dict[str, LabTemplateSpec]:
    """Return every module, by name."""
    folders = sorted(path.parent for path in TEMPLATES.glob("*/template.yaml"))
    return {
        folder.name: LabTemplateSpec.model_validate(pack.pack(folder)["spec"]) for folder in folders
    }


def kept(was: Verdicts, reports: Path = REPORTS) -> dict[str, Any]:
    """Return the verdicts, with what was reported since."""
    found = {
        path.stem: verdict(json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(reports.glob("*.json"))
    }
    return dict(sorted({**was, **found}.items()))


def verdict(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a report of ``practicum template test``."""
    return {
        "ready": round(report["readySeconds"]),
        "mebibytes": report["memory"] >> 20,
        "cpuSeconds": round(report["cpuSeconds"]),
        "seconds": round(report["seconds"]),
        "checks": {name: [one["fresh"], one["solved"]] for name, one in report["checks"].items()},
    }


def table(specs: Mapping[str, LabTemplateSpec], verdicts: Verdicts) -> str:
    """Return the page."""
    head = ("module", "tasks", "checks", "points", "Ready", "memory", "CPU", "test")
    parts = [_TOP, _row(head), _row(["---", *["---:"] * 7])]
    parts += [_row(_summary(name, spec, verdicts.get(name, {}))) for name, spec in specs.items()]
    for name, spec in specs.items():
        parts.append(f"\n## {name}: {spec.title}\n\n")
        parts.append(_row(("of the roadmap", "line", "tasks", "checks", "last run")))
        parts.append(_row(["---"] * 5))
        seen = verdicts.get(name, {}).get("checks", {})
        parts += [_row(_covered(spec, criterion, seen)) for criterion in spec.criteria]
    return "".join(parts)


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |\n"


def _summary(name: str, spec: LabTemplateSpec, seen: Verdicts) -> list[str]:
    points = sum(check.points for check in spec.checks)
    link = f"[{name}](#{name}-{re.sub(r'[^a-z0-9 -]', '', spec.title.lower()).replace(' ', '-')})"
    numbers = [str(len(spec.tasks)), str(len(spec.checks)), str(points)]
    if not seen:
        return [link, *numbers, "-", "-", "-", "never"]
    used = [f"{seen['mebibytes']} MiB", f"{seen['cpuSeconds']} s"]
    return [link, *numbers, f"{seen['ready']} s", *used, f"{seen['seconds']} s"]


def _covered(spec: LabTemplateSpec, criterion: Criterion, seen: Verdicts) -> list[str]:
    proofs = [check for check in spec.checks if criterion.id in check.criteria]
    tasks = dict.fromkeys(check.task for check in proofs)
    rated = {check.id for check in proofs if check.kind == "attest"}
    names = [f"`{one.id}`{' (rated)' if one.id in rated else ''}" for one in proofs]
    verdict = verdict_of([seen.get(check.id, ["", ""]) for check in proofs])
    text = criterion.text.replace("|", "\\|")
    return [criterion.source, text, ", ".join(tasks), ", ".join(names), verdict]


def verdict_of(seen: list[list[str]]) -> str:
    """Return one word for what was seen of all checks of a line, new and solved."""
    if all(one == ["fail", "pass"] for one in seen):
        return "fail → pass"
    odd = next(one for one in seen if one != ["fail", "pass"])
    return " → ".join(odd) if all(odd) else "never run"


def missing(roadmap: str, spec: LabTemplateSpec) -> Iterator[str]:
    """Yield lines of a roadmap that no criterion of its module has."""
    there = {_plain(criterion.text) for criterion in spec.criteria}
    for section in re.split(r"^## ", roadmap, flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        if title.strip() in _SECTIONS:
            for line in _lines(title.strip(), text):
                if not any(_plain(line) in one or one in _plain(line) for one in there):
                    yield f"{title.strip()}: {line}"


def _lines(title: str, text: str) -> Iterator[str]:
    for line in text.splitlines():
        if found := re.match(r"(?:- \[ \]|-|\d+\.) (.+)", line):
            yield found[1]
        elif line.startswith("|") and not re.match(r"\|[-| ]+$|\| (Competency|Asset)", line):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            yield from (cells[at] for at in _COLUMNS.get(title, ()))


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.lower())


def main() -> int:
    """Write the page, or say what is missing."""
    specs = modules()
    if folders := sys.argv[1:]:
        roadmaps = {path.stem: path for one in folders for path in Path(one).glob("*.md")}
        found = [
            f"{name}: {line}"
            for name, path in sorted(roadmaps.items())
            for line in missing(path.read_text(encoding="utf-8"), specs[name])
        ]
        print("\n".join(found) or "every line is there")
        return bool(found)
    was = json.loads(VERDICTS.read_text(encoding="utf-8")) if VERDICTS.is_file() else {}
    verdicts = kept(was)
    VERDICTS.write_text(json.dumps(verdicts, indent=1) + "\n", encoding="utf-8")
    TABLE.write_text(table(specs, verdicts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
