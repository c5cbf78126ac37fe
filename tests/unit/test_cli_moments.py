"""Durations and moments of the command line."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from practicum.cli import edit, moments

NOW = datetime(2026, 11, 21, 17, 30, tzinfo=UTC)
BORN = "2026-11-21T12:00:00Z"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90m", 5400), ("1h30m", 5400), ("1d", 86400), ("2d4h", 187200), ("45s", 45)],
)
def test_durations_are_read(text: str, seconds: int) -> None:
    assert moments.duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "5x", "0h", "0d", "-1h", "1h-5m", "d", "1d1d"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        moments.duration(text)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0s"),
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (3600, "1h"),
        (86700, "1d"),
        (28379, "7h52m"),
        (187200, "2d4h"),
    ],
)
def test_what_is_left_is_said_in_two_units(seconds: int, said: str) -> None:
    assert moments.remaining(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("18:00", "2026-11-22T18:00:00+01:00"),
        ("18:31", "2026-11-21T18:31:00+01:00"),
        ("2026-11-21T20:00", "2026-11-21T20:00:00+01:00"),
        ("2026-11-21 20:00", "2026-11-21T20:00:00+01:00"),
        ("2026-11-21T20:00:00Z", "2026-11-21T20:00:00+00:00"),
    ],
)
def test_until_is_local_unless_it_says_its_zone(text: str, moment: str) -> None:
    zone = timezone(timedelta(hours=1))
    assert moments.until(text, NOW, zone) == datetime.fromisoformat(moment)


@pytest.mark.parametrize("text", ["soon", "25:00", "8h", ""])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|hour"):
        moments.until(text, NOW, UTC)


@pytest.mark.parametrize(
    ("lifetime", "longest", "written"),
    [
        (timedelta(hours=10), None, "10h"),
        (timedelta(hours=72), timedelta(hours=72), "72h"),
        (timedelta(minutes=15), None, "15m"),
        (timedelta(days=2, minutes=1), None, "48h1m"),
    ],
)
def test_a_life_within_bounds_is_written_as_spec_ttl(
    lifetime: timedelta, longest: timedelta | None, written: str
) -> None:
    assert moments.new_ttl(lifetime, longest) == written


@pytest.mark.parametrize(
    ("lifetime", "longest", "complaint"),
    [
        (timedelta(minutes=14), None, "at least 15m"),
        (timedelta(hours=73), timedelta(hours=72), "at most 72h"),
        (timedelta(hours=2161), None, "at most 2160h"),
    ],
)
def test_a_life_out_of_bounds_is_refused(
    lifetime: timedelta, longest: timedelta | None, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        moments.new_ttl(lifetime, longest)


@pytest.mark.parametrize(
    ("ttl", "hint"),
    [
        ("70h30m", "practicum extend ada 1h30m"),
        ("72h", "it has all it may have already, until 2026-11-24T12:00:00Z (in 2d18h)"),
    ],
)
def test_the_largest_possible_extension_is_named(ttl: str, hint: str) -> None:
    lab = {"metadata": {"name": "ada", "creationTimestamp": BORN}, "spec": {"ttl": ttl}}
    assert edit.most(lab, timedelta(hours=72), NOW).endswith(hint)


def test_a_moment_is_told_with_its_distance() -> None:
    assert moments.described(NOW + timedelta(hours=2), NOW) == "2026-11-21T19:30:00Z (in 2h)"
    assert moments.described(NOW - timedelta(hours=2), NOW) == "2026-11-21T15:30:00Z (2h ago)"


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("", "", (None, None)),
        ("2026-11-01", "", ("2026-11-01T00:00:00+01:00", None)),
        # A day alone as the end is part of the period.
        ("", "2026-11-30", (None, "2026-12-01T00:00:00+01:00")),
        ("", "2026-11-30T12:00", (None, "2026-11-30T12:00:00+01:00")),
        (*("2026-11-30", "2026-11-30"), ("2026-11-30T00:00:00+01:00", "2026-12-01T00:00:00+01:00")),
        ("2026-11-30T12:00:00Z", "", ("2026-11-30T12:00:00+00:00", None)),
    ],
)
def test_periods(since: str, until: str, expected: tuple[str | None, str | None]) -> None:
    found = moments.period(since, until, timezone(timedelta(hours=1)))
    assert tuple(one and one.isoformat() for one in found) == expected


@pytest.mark.parametrize(("since", "until"), [("x", ""), ("", "x"), ("2026-12-01", "2026-11-30")])
def test_what_is_no_period(since: str, until: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        moments.period(since, until, UTC)
