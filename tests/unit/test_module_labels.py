"""What answers of MOD-506 list of its policies is what those are labelled with."""

import re
from pathlib import Path

MODULE = Path(__file__).resolve().parents[2] / "lab-templates/mod-506"
CONTROL = re.compile(r"# labels: \{control: ([A-Z]+-[0-9]+)\}")


def test_the_plan_may_name_every_control() -> None:
    policies = [path.read_text() for path in (MODULE / "policies").glob("*.rego")]
    labelled = {control for text in policies for control in CONTROL.findall(text)}
    rules = (MODULE / "answers/registry-plan.rego").read_text()
    listed = re.search(r"^labels := \{([^}]*)\}", rules, re.MULTILINE)
    assert listed
    assert set(re.findall(r"[A-Z]+-[0-9]+", listed[1])) == labelled
    assert len(labelled) > 20
