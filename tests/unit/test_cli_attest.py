"""``practicum attest``: what is sent, in whose name, and how ratings are listed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from practicum import clock, errors
from practicum.api.attestation import AttestationSpec
from practicum.cli import attest, main
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Options, Session
from practicum.kube.client import Kube

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
VERDICT = attest.Verdict(
    "features", (attest.score("clarity=3/5"), attest.score("evidence=5/5")), True, "well argued"
)


class Server:
    """An API server with a lab, which knows the caller as a tutor."""

    skew = timedelta(0)

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []

    async def get(self, kind: str, namespace: str, name: str) -> Any:
        if name != "ada":
            raise errors.NotFound(404, "NotFound", f"{kind} {name} not found")
        return {"metadata": {"name": name, "namespace": namespace}}

    async def create(self, body: Any) -> Any:
        assert body["kind"] == "SelfSubjectReview"
        return body | {"status": {"userInfo": {"username": "tutor@example.org"}}}

    async def request(self, method: str, path: str, *, body: Any, **more: Any) -> Any:
        expected = "/apis/practicum.dev/v1alpha1/namespaces/course-a/attestations"
        assert (method, path, more["repeat"]) == ("POST", expected, False)
        number = len(self.made)
        meta = {
            "name": f"{body['metadata']['generateName']}{number}",
            "creationTimestamp": f"2026-11-21T11:59:{50 - number}Z",
            "managedFields": [],
        }
        self.made.append(body | {"metadata": meta})
        return self.made[-1]

    async def list(self, kind: str, namespace: str) -> Any:
        assert (kind, namespace) == ("Attestation", "course-a")
        return self.made


def session(server: Server, output: str = "") -> Session:
    return Session(cast(Kube, server), "course-a", Options(output=output))


async def test_a_rating_bears_the_name_that_the_server_knows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = Server()
    await attest.give(session(server), "ada", VERDICT)
    (made,) = server.made
    spec = AttestationSpec.model_validate(made["spec"])
    assert (spec.lab, spec.rater) == ("ada", "tutor@example.org")
    assert [(one.criterion, one.score, one.max) for one in spec.rubric] == [
        ("clarity", 3, 5),
        ("evidence", 5, 5),
    ]
    assert capsys.readouterr().out == (
        "attestation.practicum.dev/ada-features-0 created: "
        "features passed, 8 of 10 points, by tutor@example.org\n"
    )


async def test_a_lab_that_is_not_there_is_not_rated() -> None:
    server = Server()
    with pytest.raises(CliError, match="lab bob not found in namespace course-a") as refused:
        await attest.give(session(server), "bob", VERDICT)
    assert refused.value.code is Exit.NOT_FOUND
    assert not server.made


async def test_ratings_are_listed_oldest_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(clock, "utcnow", lambda: NOW)
    server = Server()
    for subject, passed in (("features", True), ("drift", False)):
        await attest.give(session(server), "ada", attest.Verdict(subject, VERDICT.rubric, passed))
    capsys.readouterr()
    await attest.show(session(server), "")
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["NAME", "LAB", "SUBJECT", "PASSED", "SCORE", "RATER", "AGE"],
        ["ada-drift-1", "ada", "drift", "no", "8/10", "tutor@example.org", "11s"],
        ["ada-features-0", "ada", "features", "yes", "8/10", "tutor@example.org", "10s"],
    ]


async def test_ratings_as_data_and_of_one_lab(capsys: pytest.CaptureFixture[str]) -> None:
    server = Server()
    await attest.give(session(server, "json"), "ada", VERDICT)
    assert "managedFields" not in json.loads(capsys.readouterr().out)["metadata"]
    await attest.show(session(server, "json"), "ada")
    (one,) = json.loads(capsys.readouterr().out)["items"]
    assert one["spec"]["comment"] == "well argued"
    await attest.show(session(server, "name"), "ada")
    assert capsys.readouterr().out == "attestation.practicum.dev/ada-features-0\n"
    await attest.show(session(server), "bob")
    assert capsys.readouterr().err == "no ratings of lab bob in namespace course-a\n"


@pytest.mark.parametrize("text", ["clarity", "clarity=3", "=3/5", "clarity=3/5/7", "clarity=-1/5"])
def test_a_score_that_is_none(text: str) -> None:
    with pytest.raises(CliError, match="is not CRITERION=N/M"):
        attest.score(text)


def test_giving_may_go_unsaid() -> None:
    """A lab that is called like a verb is rated by saying it."""
    runner = CliRunner()
    for words in (["ada", "x"], ["give", "list", "x"]):
        result = runner.invoke(main.app, ["attest", *words, "--score", "odd", "--passed"])
        assert result.exit_code == 2
        assert "--score odd is not CRITERION=N/M" in result.stderr
    assert "give" in runner.invoke(main.app, ["attest", "--help"]).stdout
