"""Durations as Go writes them, moments as Kubernetes does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.api.times import format_duration, parse_duration, parse_rfc3339, rfc3339


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("45s", 45),
        ("15m", 900),
        ("8h", 28_800),
        ("1h30m", 5_400),
        ("1h0m1s", 3_601),
        ("90m", 5_400),
        ("2160h", 7_776_000),
        ("99999h", 359_996_400),
    ],
)
def test_parse_duration(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "8", "h", "8d", "1.5h", "-8h", "+8h", "8 h", "8H", "30m1h", "1h1h", "1h\n"),
        *("0s", "0h0m0s", "100000h", "8h ", "٣h", "1e3s", "8ms", "inf", "8h;"),
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_duration(text)
    assert repr(text) in str(caught.value)


@given(st.integers(1, 99_999 * 3600))
def test_durations_survive_being_written(seconds: int) -> None:
    value = timedelta(seconds=seconds)
    assert parse_duration(format_duration(value)) == value


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (-5, "0s"), (0.9, "0s"), (59, "59s"), (5400, "1h30m"), (86_400, "24h")],
)
def test_format_duration(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T17:12:00Z", datetime(2026, 11, 21, 17, 12, tzinfo=UTC)),
        ("2026-11-21T17:12:00.000000Z", datetime(2026, 11, 21, 17, 12, tzinfo=UTC)),
        ("2026-11-21T17:12:00.5Z", datetime(2026, 11, 21, 17, 12, 0, 500_000, tzinfo=UTC)),
        ("2026-11-21T19:12:00+02:00", datetime(2026, 11, 21, 17, 12, tzinfo=UTC)),
    ],
)
def test_parse_rfc3339(text: str, moment: datetime) -> None:
    assert parse_rfc3339(text) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_rfc3339(text)


@given(
    st.datetimes(
        min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)
    )
)
def test_moments_survive_being_written(moment: datetime) -> None:
    assert parse_rfc3339(rfc3339(moment)) == moment.replace(microsecond=0)
