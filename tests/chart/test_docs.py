"""docs/install.md names every value and none else, and Helm takes its commands and all others."""

import re
import shlex
from pathlib import Path

import pytest

from e2e import test_readme as readme

from .rendering import CHART, helm
from .test_values import DEFAULTS, leaves

TEXT = (CHART.parents[1] / "docs/install.md").read_text()
FILES = readme.files(TEXT)
COMMANDS = {
    line
    for page in (CHART.parents[1] / "docs").rglob("*.md")
    for _, line in readme.commands(page.read_text())
    if line.startswith("helm ")
}


def named() -> set[str]:
    """Return the values in the first column of the tables, ``.field`` joined to its first part."""
    found = set[str]()
    for row in re.findall(r"^\| (`[^|]+`) \|", TEXT, re.MULTILINE):
        parent = ""
        for word in re.findall(r"`([^`]+)`", row):
            found.add(f"{parent}{word}" if word.startswith(".") else word)
            parent = word.partition(".")[0] if not word.startswith(".") else parent
    return found


def test_every_value_is_explained_and_no_other() -> None:
    words = {word for word in named() if not word.startswith("practicum-")}
    for path in leaves(DEFAULTS):
        steps = [".".join(path[:depth]) for depth in range(1, len(path) + 1)]
        assert words & set(steps), ".".join(path)
    known = {".".join(path[:depth]) for path in leaves(DEFAULTS) for depth in (1, 2, 3)}
    assert words - known == set()


def test_files_of_values_are_taken() -> None:
    assert set(FILES) == {"values.yaml", "mirror.yaml"}
    for text in FILES.values():
        done = helm("template", "practicum", CHART, "--values", "-", stdin=text)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_helm_takes_the_command(command: str, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(FILES["values.yaml"])
    verb, *words = shlex.split(command)[1:]
    if verb in ("install", "upgrade"):
        # What it would write, without a cluster: this knows neither waiting nor earlier values.
        words = [word for word in words if word not in ("--wait", "--reset-then-reuse-values")]
        words = [word.replace("charts/practicum", str(CHART)) for word in words]
        words = [str(tmp_path / word) if word == "values.yaml" else word for word in words]
        done = helm("template", *words)
        assert done.returncode == 0, done.stderr
    else:
        flags = {word for word in words if word.startswith("--")}
        assert flags <= set(re.findall(r"--[a-z-]+", helm(verb, "--help").stdout))


def test_the_kept_kinds_are_all_kinds() -> None:
    kinds = {path.stem for path in (CHART / "files/crds").glob("*.yaml")}
    (group,) = re.findall(r"delete crd \{([a-z,]+)\}\.practicum\.dev", TEXT)
    assert set(group.split(",")) == kinds
