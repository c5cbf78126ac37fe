"""What can be known of the README without a cluster; e2e/test_readme.py runs its commands."""

import re
from pathlib import Path

import pytest
import yaml

from e2e import test_readme as readme
from practicum.api.conditions import ConditionType, Phase
from practicum.api.labenvironment import LabEnvironmentSpec

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text()
PROSE = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)
VERBS = set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_make_verb_exists() -> None:
    words = re.findall(r"\bmake ((?:-\S+ )*)([a-z][a-z0-9-]*)", "\n".join(_code()))
    assert {"demo", "test", "help"} <= {verb for _, verb in words}
    assert [verb for _, verb in words if verb not in VERBS] == []


def _code() -> list[str]:
    """Return the commands and every piece of code within the prose."""
    return [command for _, command in readme.commands(TEXT)] + re.findall(r"`([^`]+)`", PROSE)


def test_nothing_is_left_to_fill_in() -> None:
    assert re.findall(r"<[A-Z][A-Z_]+>|TODO|FIXME|TBD", TEXT) == []


def test_every_block_is_of_a_known_language() -> None:
    unknown = [b.line for b in readme.blocks(TEXT) if b.language not in readme.LANGUAGES]
    assert unknown == [], "a command in such a block would not be run"


def test_the_table_of_commands_is_current() -> None:
    assert readme.stale(TEXT) == []
    for command, way in readme.TABLE.items():
        assert way.why, command
        if isinstance(way, readme.Elsewhere):
            assert not way.by or (ROOT / way.by).exists(), command
        elif way.swap[0]:
            assert way.swap[0] in command, command


def test_what_the_readme_no_longer_has_is_noticed() -> None:
    assert readme.stale("") == list(readme.TABLE)
    new = "```bash\nnobody-knows-this\n```"
    assert [command for _, command, _ in readme.here(new)] == ["nobody-knows-this"]


def test_most_commands_are_run() -> None:
    assert len(readme.here(TEXT)) > 25
    assert all("<<" not in command for _, command in readme.commands(TEXT))


def test_the_example_is_a_lab_and_shows_every_field() -> None:
    text = readme.files(TEXT)["ada.yaml"]
    body = yaml.safe_load(text)
    LabEnvironmentSpec.model_validate(body["spec"])
    fields = {field.alias or name for name, field in LabEnvironmentSpec.model_fields.items()}
    # A date would be over one day.
    dates = re.findall(r"^  # (\w+): ", text, re.MULTILINE)
    assert {*body["spec"], *dates} == fields
    for field in fields:
        assert f"| `{field}` |" in TEXT


@pytest.mark.parametrize("word", [*Phase, *ConditionType])
def test_every_phase_and_condition_is_explained(word: str) -> None:
    assert f"`{word}`" in PROSE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```bash\none\n\n# no\ntwo \\\n  --three\n```", [(2, "one"), (5, "two --three")]),
        ("```console\n$ one\nits output\n$ two \\\n  more\n```", [(2, "one"), (4, "two more")]),
        ("```yaml\none: two\n```\n", []),
    ],
)
def test_commands_are_found(text: str, expected: list[tuple[int, str]]) -> None:
    assert list(readme.commands(text)) == expected


def test_what_does_not_end_is_refused() -> None:
    with pytest.raises(AssertionError):
        readme.blocks("```bash\none")
    with pytest.raises(AssertionError):
        list(readme.commands("```bash\none \\\n```"))
