"""What Helm makes of the chart for a few sites, as files: a change of the chart shows as a diff.

The default is whole, the others are kept as what differs from it. CRDs are left out, which a test
of their own keeps as the models say; a root key that the chart makes is ``<random>``.
"""

import difflib
from pathlib import Path

import pytest
import yaml

from .rendering import CHART, VALUES, helm, objects, template

GOLDEN = Path(__file__).with_name("golden")
SITES = sorted(path.stem for path in VALUES.glob("*.yaml"))


def rendered(site: str) -> list[str]:
    """Return all objects but CRDs, in Helm's order, as lines."""
    bodies = objects(template(VALUES / f"{site}.yaml"))
    for body in bodies:
        if "root-key" in body.get("data", {}):
            body["data"]["root-key"] = "<random>"
    kept = [body for body in bodies if body["kind"] != "CustomResourceDefinition"]
    text = yaml.safe_dump_all(kept, sort_keys=False, width=100, explicit_start=True)
    return text.splitlines()


@pytest.mark.parametrize("site", SITES)
def test_a_site(site: str, update: bool) -> None:
    lines, path = rendered(site), GOLDEN / f"{site}.yaml"
    if site != "default":
        changes = difflib.unified_diff(rendered("default"), lines, n=2, lineterm="")
        lines = ["@@" if line.startswith("@@") else line for line in changes]
        path = path.with_suffix(".diff")
    if update:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == path.read_text(encoding="utf-8").splitlines(), "run: make golden"


def test_every_golden_file_is_of_a_site() -> None:
    assert sorted(path.stem for path in GOLDEN.iterdir()) == SITES
    assert {"default", "minimal", "production"} <= set(SITES)


@pytest.mark.parametrize("site", SITES)
def test_lint(site: str) -> None:
    done = helm("lint", "--strict", CHART, "--values", VALUES / f"{site}.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
