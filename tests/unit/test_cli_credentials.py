"""Kubeconfigs are merged and written with care; tokens are renewed in time."""

import base64
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from practicum.api.times import rfc3339
from practicum.cli import credentials, kubeconfigs, token_verb, tokens
from practicum.cli.exits import CliError, Exit

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


def document(
    lab: str = "ada", server: str = "https://a:6443", course: str = "mlops", token: str = "t1"
) -> dict[str, Any]:
    contexts = (lab, f"{lab}-renewing")
    plugin = {"command": "practicum", "args": ["token", "--lab", lab, "--namespace", course]}
    users: list[dict[str, Any]] = [{"token": token}, {"exec": plugin}]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "practicum", "cluster": {"server": server}}],
        "users": [{"name": n, "user": u} for n, u in zip(contexts, users, strict=True)],
        "contexts": [{"name": n, "context": {"cluster": "practicum", "user": n}} for n in contexts],
        "current-context": lab,
    }


def names(config: dict[str, Any], part: str) -> list[str]:
    return [entry["name"] for entry in config[part]]


@pytest.mark.parametrize(("renewing", "current"), [(True, "ada-renewing"), (False, "ada")])
def test_the_current_context_is_chosen(renewing: bool, current: str) -> None:
    chosen = kubeconfigs.choose(document(), "ada", renewing=renewing)
    assert chosen["current-context"] == current


def test_a_context_that_is_not_there_is_not_chosen() -> None:
    assert kubeconfigs.choose(document("bob"), "ada", renewing=True)["current-context"] == "bob"


def test_merging_into_nothing_gives_a_whole_kubeconfig() -> None:
    assert kubeconfigs.merge({}, document()) == document()


def test_merging_keeps_strangers_and_renews_our_own() -> None:
    theirs = {
        "clusters": [{"name": "work", "cluster": {"server": "https://w"}}],
        "users": [{"name": "me", "user": {"token": "secret"}}],
        "contexts": [{"name": "work", "context": {"cluster": "work", "user": "me"}}],
        "current-context": "work",
        "preferences": {"colors": True},
    }
    once = kubeconfigs.merge(theirs, document())
    twice = kubeconfigs.merge(once, document(token="t2"))
    assert names(twice, "contexts") == ["work", "ada", "ada-renewing"]
    assert names(twice, "clusters") == ["work", "practicum"]
    assert [u["user"].get("token") for u in twice["users"]] == ["secret", "t2", None]
    assert twice["current-context"] == "ada"
    assert twice["preferences"] == {"colors": True}


def test_two_labs_of_one_cluster_share_its_entry() -> None:
    both = kubeconfigs.merge(kubeconfigs.merge({}, document()), document("bob"))
    assert names(both, "clusters") == ["practicum"]
    assert names(both, "contexts") == ["ada", "ada-renewing", "bob", "bob-renewing"]


def test_another_cluster_of_the_same_name_gets_a_suffix() -> None:
    both = kubeconfigs.merge(document(), document("bob", server="https://b:6443"))
    first, second = names(both, "clusters")
    assert first == "practicum"
    assert second.startswith("practicum-")
    assert both["contexts"][-1]["context"]["cluster"] == second
    again = kubeconfigs.merge(both, document("bob", server="https://b:6443"))
    assert again == both


@pytest.mark.parametrize("added", [document(server="https://b:6443"), document(course="genai")])
def test_a_lab_of_the_same_name_elsewhere_is_not_overwritten(added: dict[str, Any]) -> None:
    with pytest.raises(CliError, match="has a context ada") as caught:
        kubeconfigs.merge(document(), added)
    assert caught.value.code is Exit.CONFLICT


@pytest.mark.parametrize("text", ["[]", "just text", ": ["])
def test_what_is_no_kubeconfig_is_refused(text: str) -> None:
    with pytest.raises(CliError, match="the file is not"):
        kubeconfigs.parse(text, "the file")


def test_files_are_private_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ada.conf"
    kubeconfigs.write_private(path, "one")
    path.chmod(0o644)
    kubeconfigs.write_private(path, "two")
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("one")
    link.symlink_to(real)
    kubeconfigs.write_private(link, "two")
    assert link.is_symlink()
    assert real.read_text() == "two"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CliError, match="cannot be written"):
        kubeconfigs.write_private(tmp_path / "file" / "x", "")


@pytest.mark.parametrize(
    ("login", "labels"),
    [
        ({"kind": "basic", "persona": ""}, ["url", "username", "password"]),
        ({"kind": "bearer", "persona": "tutor"}, ["url", "persona", "token"]),
    ],
)
def test_a_login_shows_what_its_kind_needs(login: dict[str, str], labels: list[str]) -> None:
    whole = {"url": "u", "username": "n", "password": "p"} | login
    assert [label for label, _ in credentials.login_lines(whole)] == labels


def test_only_one_destination_is_taken() -> None:
    credentials.Request(merge=True).check()
    with pytest.raises(CliError, match="choose one"):
        credentials.Request(write=Path("x"), merge=True).check()


def jwt(issued: datetime, expires: datetime) -> str:
    claims = {"iat": int(issued.timestamp()), "exp": int(expires.timestamp())}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


def made(age: timedelta, left: timedelta) -> tokens.Token:
    return tokens.Token("t", NOW - age, NOW + left)


H, M = timedelta(hours=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("age", "left", "due"),
    [
        (0 * H, 24 * H, False),
        (15 * H, 9 * H, False),
        (16 * H, 8 * H, True),
        (5 * M, 11 * M, False),
        (5 * M, 9 * M, True),
        (2 * H, -1 * M, True),
    ],
)
def test_renewal_is_due_at_a_third_or_ten_minutes(
    age: timedelta, left: timedelta, due: bool
) -> None:
    assert (made(age, left).renew_at <= NOW) is due


@pytest.mark.parametrize(
    ("age", "left", "asked_again_in"),
    [(0 * H, 24 * H, 16 * H), (23 * H, 1 * H, 1 * M), (23 * H, 0.5 * M, 0.5 * M)],
)
def test_clients_are_told_to_ask_again_while_the_token_lives(
    age: timedelta, left: timedelta, asked_again_in: timedelta
) -> None:
    answer = tokens.exec_credential(made(age, left), NOW)
    assert answer["status"]["expirationTimestamp"] == rfc3339(NOW + asked_again_in)
    assert answer["apiVersion"] == "client.authentication.k8s.io/v1"


def test_a_token_tells_its_own_life() -> None:
    token = tokens.read_jwt(jwt(NOW, NOW + H))
    assert token is not None
    assert (token.issued, token.expires) == (NOW, NOW + H)


@pytest.mark.parametrize("text", ["", "opaque", "a.b.c", "a.e30.c", "a.bnVsbA.c", "a.b\n.c"])
def test_other_tokens_tell_nothing(text: str) -> None:
    assert tokens.read_jwt(text) is None


def test_the_newest_living_token_wins() -> None:
    old, new, dead = made(H, H), made(0 * H, 2 * H), made(2 * H, -1 * M)
    assert tokens.newest([old, None, new, dead], NOW) is new
    assert tokens.newest([dead, None], NOW) is None


def test_an_entry_of_the_secret_is_read() -> None:
    entry = {"token": jwt(NOW - H, NOW + H), "expiresAt": rfc3339(NOW + H)}
    assert tokens.from_secret(entry, NOW).issued == NOW - H
    assert tokens.from_secret(entry | {"token": "opaque"}, NOW).issued == NOW
    with pytest.raises(ValueError, match="expiresAt"):
        tokens.from_secret({"token": "t"}, NOW)


KEY = tokens.Key("https://a", "mlops", "ada", "ada-learner")


def test_the_cache_is_private_and_by_identity(tmp_path: Path) -> None:
    cache = tokens.Cache(tmp_path / "tokens")
    assert cache.load(KEY) is None
    cache.store(KEY, made(0 * H, H), datetime.now(UTC))
    assert cache.load(KEY) == made(0 * H, H)
    assert cache.load(OTHER) is None
    (file,) = (tmp_path / "tokens").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


OTHER = tokens.Key("https://a", "mlops", "bob", "bob-learner")


def test_a_spoilt_cache_is_no_cache(tmp_path: Path) -> None:
    cache = tokens.Cache(tmp_path)
    cache.store(KEY, made(0 * H, H), datetime.now(UTC))
    (file,) = tmp_path.iterdir()
    file.write_text("{")
    assert cache.load(KEY) is None


def test_old_files_are_forgotten(tmp_path: Path) -> None:
    cache = tokens.Cache(tmp_path)
    cache.store(OTHER, made(0 * H, H), datetime.now(UTC))
    cache.store(KEY, made(0 * H, H), datetime.now(UTC) + timedelta(days=3))
    assert cache.load(OTHER) is None


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    tokens.Cache(tmp_path / "file" / "x").store(KEY, made(0 * H, H), NOW)


@pytest.fixture
def quiet_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("KUBERNETES_EXEC_INFO", raising=False)
    return tmp_path


def test_a_fresh_token_is_printed_without_asking_anybody(
    quiet_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC)
    monkeypatch.setenv("PRACTICUM_TOKEN", jwt(now, now + 8 * H))
    token_verb.token("ada", "mlops", "ada-learner")
    assert json.loads(capsys.readouterr().out)["status"]["token"].startswith("e30.")


def test_a_dying_token_serves_as_long_as_it_lives(
    quiet_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC)
    monkeypatch.setenv("PRACTICUM_TOKEN", jwt(now - 8 * H, now + 5 * M))
    cluster = {"server": "https://127.0.0.1:1"}
    info = json.dumps({"spec": {"cluster": cluster}})
    monkeypatch.setenv("KUBERNETES_EXEC_INFO", info)
    token_verb.token("ada", "mlops", "ada-learner")
    assert json.loads(capsys.readouterr().out)["kind"] == "ExecCredential"


@pytest.mark.parametrize("first", ["", jwt(LONG_AGO - H, LONG_AGO), "opaque"])
def test_without_a_living_token_one_sentence_says_so(
    first: str, quiet_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRACTICUM_TOKEN", first)
    with pytest.raises(CliError, match="no valid token is left for lab ada") as caught:
        token_verb.token("ada", "mlops", "ada-learner")
    assert caught.value.code is Exit.FAILURE
    assert "instructor" in caught.value.hint
