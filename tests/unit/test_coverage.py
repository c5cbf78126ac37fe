"""The table of what the modules cover is as they are, and every line is proven."""

import json

from tools import coverage


def test_the_table_is_fresh() -> None:
    verdicts = json.loads(coverage.VERDICTS.read_text(encoding="utf-8"))
    text = coverage.table(coverage.modules(), verdicts)
    assert coverage.TABLE.read_text(encoding="utf-8") == text, "run: make coverage"


def test_every_line_was_seen_failing_and_passing() -> None:
    verdicts = json.loads(coverage.VERDICTS.read_text(encoding="utf-8"))
    for name, spec in coverage.modules().items():
        seen = verdicts[name]["checks"]
        assert seen.keys() == {check.id for check in spec.checks}
        for criterion in spec.criteria:
            proofs = [check.id for check in spec.checks if criterion.id in check.criteria]
            assert proofs, f"{name}: {criterion.id}"
            assert coverage.verdict_of([seen[one] for one in proofs]) == "fail → pass"


def test_a_line_that_no_module_has_is_found() -> None:
    roadmap = (
        "## Learning Objectives\n\n- Juggle models.\n\n## Dependencies & Notes\n\n- Not this.\n"
    )
    spec = coverage.modules()["mod-506"]
    assert list(coverage.missing(roadmap, spec)) == ["Learning Objectives: Juggle models."]


def test_what_was_not_seen_is_said() -> None:
    assert coverage.verdict_of([["fail", "pass"], ["", ""]]) == "never run"
    assert coverage.verdict_of([["fail", "unsupported"]]) == "fail → unsupported"
