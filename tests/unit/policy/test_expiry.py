"""When labs and tokens end."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.api.conditions import Phase
from practicum.api.labenvironment import LabEnvironmentSpec
from practicum.policy import expiry

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(hours=24)
SPANS = st.timedeltas(timedelta(seconds=1), timedelta(days=90))


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.parametrize(
    ("left", "longest", "life"),
    [
        (minutes(480), DAY, minutes(480) - expiry.TOKEN_MARGIN),
        (minutes(3000), DAY, DAY),
        (minutes(10) + expiry.TOKEN_MARGIN, DAY, minutes(10)),
        (minutes(10) + expiry.TOKEN_MARGIN - timedelta(seconds=1), DAY, None),
        (minutes(1), DAY, None),
        (minutes(-5), DAY, None),
        (minutes(480), minutes(5), None),
    ],
)
def test_token_life(left: timedelta, longest: timedelta, life: timedelta | None) -> None:
    assert expiry.token_life(NOW, NOW + left, longest) == life


@given(SPANS, SPANS)
def test_no_token_outlives_its_lab(left: timedelta, longest: timedelta) -> None:
    life = expiry.token_life(NOW, NOW + left, longest)
    if life is not None:
        assert expiry.TOKEN_LEAST <= life <= longest
        assert NOW + life < NOW + left
        assert not expiry.outlives(NOW + life, NOW + left)


@given(SPANS)
def test_tokens_are_renewed_in_the_last_third_of_their_life(life: timedelta) -> None:
    due = expiry.token_due(NOW, NOW + life)
    assert abs((due - NOW) - life * 2 / 3) < timedelta(seconds=1)
    assert NOW <= due <= NOW + life


@pytest.mark.parametrize(
    ("after_end", "outlives"),
    [(-3600, False), (-75, False), (-70, False), (-69, True), (0, True), (3600, True)],
)
def test_a_shortened_life_is_noticed(after_end: int, outlives: bool) -> None:
    assert expiry.outlives(NOW + timedelta(seconds=after_end), NOW) is outlives


def test_a_lab_ends_by_its_ttl_or_when_it_says() -> None:
    by_ttl = LabEnvironmentSpec(template="mod-1", ttl="24h")
    assert expiry.wished_end(by_ttl, NOW) == NOW + DAY
    said = by_ttl.model_copy(update={"end_at": "2026-11-21T13:00:00+01:00"})
    assert expiry.wished_end(said, NOW) == datetime(2026, 11, 21, 12, tzinfo=UTC)


@given(st.lists(st.none() | st.integers(-100, 100), max_size=6))
def test_next_wake_is_the_first_that_lies_ahead(offsets: list[int | None]) -> None:
    moments = [None if offset is None else NOW + minutes(offset) for offset in offsets]
    ahead = [offset for offset in offsets if offset is not None and offset > 0]
    expected = NOW + minutes(min(ahead)) if ahead else None
    assert expiry.next_wake(NOW, *moments) == expected


@pytest.mark.parametrize(
    ("phase", "ends_after"),
    [
        (Phase.FAILED, timedelta(hours=24)),
        (Phase.SUSPENDED, timedelta(days=30)),
        (Phase.PROVISIONING, None),
        (Phase.READY, None),
        (Phase.DEGRADED, None),
        (Phase.PENDING, None),
        (Phase.EXPIRING, None),
    ],
)
def test_what_is_of_no_use_ends_early(phase: Phase, ends_after: timedelta | None) -> None:
    end = expiry.given_up_at(phase, NOW, timedelta(hours=24), timedelta(days=30))
    assert end == (NOW + ends_after if ends_after else None)
    assert expiry.given_up_at(phase, NOW, timedelta(0), timedelta(0)) is None
    assert expiry.given_up_at(phase, None, DAY, DAY) is None


@pytest.mark.parametrize(("seconds", "skewed"), [(0, False), (60, False), (61, True), (-61, True)])
def test_skewed(seconds: int, skewed: bool) -> None:
    assert expiry.skewed(timedelta(seconds=seconds)) is skewed
