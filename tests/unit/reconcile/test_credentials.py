"""What is kept about credentials that were issued, and read back after a restart."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.policy.readiness import READY
from practicum.reconcile.credentials import Issued, Outcome

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@given(st.text(), st.text(), st.integers(0, 10**8), st.text())
def test_records_are_read_back(basis: str, content: str, seconds: int, rotation: str) -> None:
    issued = Issued(basis, content, NOW, NOW + timedelta(seconds=seconds), rotation)
    assert Issued.read(issued.record()) == issued


def test_a_record_of_an_earlier_version_is_of_no_rotation() -> None:
    read = Issued.read('["a", "b", "2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z"]')
    assert read == Issued("a", "b", NOW, NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    "text",
    [
        *("", "text", "5", "null", "[]", "{}", '["a"]', '["a", "b", "c", "d"]'),
        *('["a", "b", 1, 2]', '["a", "b", null, null]', '{"a":1,"b":2,"c":3,"d":4}'),
    ],
)
def test_records_that_are_none_of_ours_are_ignored(text: str) -> None:
    assert Issued.read(text) is None


def test_renewal_is_due_in_time() -> None:
    issued = Issued("a", "b", NOW, NOW + timedelta(hours=3))
    assert Outcome(READY, issued).due == NOW + timedelta(hours=2)
    assert Outcome(READY).due is None
