"""What is told of a finding: to whom, how much, and never a secret."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from practicum.api.checks import CheckState
from practicum.checks import findings
from practicum.checks.findings import PASSED, Finding

from .checks import check

FAILED = findings.failed("a is 1", "a is 2", "a is 1")
TOKEN = "Zm9vOmJhcg=="
OTHERS = [state for state in CheckState if state is not CheckState.FAIL]


def test_what_differs_is_said_with_where() -> None:
    assert findings.differs(None) is PASSED
    found = findings.differs(("a is 2", "a is 1"), "ConfigMap x")
    assert found.state is CheckState.FAIL
    assert found.message == "ConfigMap x: expected that a is 2; a is 1"
    assert (found.expected, found.observed) == ("a is 2", "a is 1")
    assert findings.differs(("a", "b")).message == "expected that a; b"


@pytest.mark.parametrize(
    ("hidden", "hint", "message", "details"),
    [
        (False, "", "a is 1", ("a is 2", "a is 1")),
        (False, "look at a", "a is 1 (look at a)", ("a is 2", "a is 1")),
        (True, "look at a", "look at a", ("", "")),
        (True, "", "not yet", ("", "")),
    ],
)
def test_of_a_hidden_check_no_more_than_its_hint_is_told(
    hidden: bool, hint: str, message: str, details: tuple[str, str]
) -> None:
    told = findings.told(check(hidden=hidden, hint=hint), FAILED)
    assert told.state is CheckState.FAIL
    assert (told.message, (told.expected, told.observed)) == (message, details)


def test_a_hint_goes_along_when_there_is_nothing_else_to_say() -> None:
    assert findings.told(check(hint="try"), findings.failed("")).message == "not yet (try)"


@pytest.mark.parametrize("state", OTHERS)
@pytest.mark.parametrize("hidden", [False, True])
def test_who_has_nothing_to_mend_needs_no_hint(state: CheckState, hidden: bool) -> None:
    found = Finding(state, "said")
    assert findings.told(check(hidden=hidden, hint="try"), found) == found


def test_states_have_makers() -> None:
    assert findings.failed("x").state is CheckState.FAIL
    assert findings.broken("x").state is CheckState.ERROR
    assert findings.unsupported("x").state is CheckState.UNSUPPORTED


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("the password is s3cret-s3cret.", "the password is ***."),
        ("s3cret-s3crets3cret-s3cret", "******"),
        (f"Basic {TOKEN} was sent", "Basic *** was sent"),
        ("bearer eyJhbGciOi.J9_x-y", "bearer ***"),
        (f"Authorization: Basic {TOKEN}", "Authorization: ***"),
        ("authorization=Bearer eyJhbGciOi and more", "authorization=*** and more"),
        ('{"authorization": "Bearer eyJhbGciOi", "a": 1}', '{"authorization": "***", "a": 1}'),
        ('{"Authorization": "own-scheme"}', '{"Authorization": "***"}'),
        ("set-cookie: session=1; Path=/", "set-cookie: ***"),
        ("a basic feature, and the bearer of news", "a basic feature, and the bearer of news"),
        ("authorization is missing", "authorization is missing"),
        ("a is 1", "a is 1"),
        ("short", "short"),
    ],
)
def test_no_secret_is_told(text: str, clean: str) -> None:
    found = findings.redacted(
        Finding(CheckState.FAIL, text, text, text), ["s3cret-s3cret", "short"]
    )
    assert (found.message, found.expected, found.observed) == (clean, clean, clean)


@given(st.text(min_size=8, max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_a_known_secret_is_told_nowhere(secret: str, before: str, after: str) -> None:
    assume("*" not in secret)
    text = f"{before}{secret}{after}"
    found = findings.redacted(Finding(CheckState.ERROR, text, text, text), [secret])
    assert found.state is CheckState.ERROR
    assert not any(secret in said for said in (found.message, found.expected, found.observed))


@given(st.text(max_size=2000))
def test_what_is_kept_is_short_and_one_line(text: str) -> None:
    found = Finding(CheckState.FAIL, text, text, text).shortened()
    assert len(found.message) <= findings.MESSAGE
    assert max(len(found.expected), len(found.observed)) <= findings.DETAIL
    assert len(found.message.splitlines()) <= 1
    assert found.shortened() == found


def test_what_was_cut_says_so() -> None:
    long: Any = Finding(CheckState.FAIL, "x" * 300).shortened().message
    assert len(long) == findings.MESSAGE and long.endswith("x…")
    assert Finding(CheckState.FAIL, " a\n\t b ").shortened().message == "a b"
