"""One JSON line an event, and never a secret under a telling name."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from practicum.observe import logging as logs


@pytest.fixture
def configured() -> Iterator[None]:
    root, kopf = logging.getLogger(), logging.getLogger("kopf")
    handlers, level, kopf_level = root.handlers, root.level, kopf.level
    logs.configure("info")
    yield
    root.handlers = handlers
    root.setLevel(level)
    kopf.setLevel(kopf_level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


Lines = pytest.CaptureFixture[str]


def lines(capsys: Lines) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("capsys", "configured")
def test_lines_are_json_bound_to_the_lab(capsys: Lines) -> None:
    logs.configure("info")  # the stream of this very test
    structlog.contextvars.bind_contextvars(lab="ada", course="course-a")
    structlog.get_logger().info("phase", phase="Ready")
    logging.getLogger("somebody.else").warning("a %s", "word")
    logging.getLogger("kopf.objects").info("chatter")
    first, second = lines(capsys)
    assert (first["event"], first["lab"], first["phase"]) == ("phase", "ada", "Ready")
    assert (second["event"], second["logger"], second["level"]) == (
        *("a word", "somebody.else", "warning"),
    )


@pytest.mark.usefixtures("capsys", "configured")
def test_exceptions_stay_on_one_line(capsys: Lines) -> None:
    logs.configure("info")
    try:
        raise ValueError("why")
    except ValueError:
        structlog.get_logger().warning("pass failed", exc_info=True)
    (only,) = lines(capsys)
    assert "ValueError: why" in str(only["exception"])


@pytest.mark.usefixtures("capsys", "configured")
@pytest.mark.parametrize(
    "name",
    ["token", "Token", "access_token", "password", "kubeconfig", "Authorization", "root_key"],
)
def test_telling_names_are_redacted(name: str, capsys: Lines) -> None:
    logs.configure("info")
    structlog.get_logger().info("said", **{name: "hunter2", "other": "shown"})
    (only,) = lines(capsys)
    assert only[name] == "***"
    assert only["other"] == "shown"


@pytest.mark.usefixtures("capsys", "configured")
def test_telling_names_are_redacted_further_in(capsys: Lines) -> None:
    logs.configure("info")
    structlog.get_logger().info("said", user={"token": "hunter2", "name": "ada"})
    assert "hunter2" not in capsys.readouterr().out
