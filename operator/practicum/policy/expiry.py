"""When a lab ends, when its tokens do, and when it is next worth looking at either."""

from datetime import datetime, timedelta
from typing import Final

from practicum.api.conditions import Phase
from practicum.api.labenvironment import LabEnvironmentSpec
from practicum.api.times import parse_duration, parse_rfc3339

TOKEN_MARGIN: Final = timedelta(seconds=75)
"""Tokens end this long before the lab: API servers round, and cache an authentication a little."""

MOST_SKEW: Final = timedelta(seconds=60)
"""So far may our clock and the API server's differ before nothing irreversible is done."""

TOKEN_LEAST: Final = timedelta(minutes=10)
"""The TokenRequest API mints nothing shorter."""


def wished_end(spec: LabEnvironmentSpec, created: datetime) -> datetime:
    """Return the end that a lab's spec asks for; suspension does not stop the clock."""
    return parse_rfc3339(spec.end_at) if spec.end_at else created + parse_duration(spec.ttl)


def given_up_at(
    phase: Phase, since: datetime | None, failed: timedelta, suspended: timedelta
) -> datetime | None:
    """Return when a lab ends before its time because it is of no use to anybody.

    Args:
        phase: where the lab is in its life.
        since: when it came there.
        failed: how long a Failed lab is kept; 0 for its whole life.
        suspended: how long a Suspended lab is kept; 0 for its whole life.
    """
    limit = {Phase.FAILED: failed, Phase.SUSPENDED: suspended}.get(phase)
    return since + limit if since and limit else None


def skewed(skew: timedelta) -> bool:
    """Whether two clocks differ too much for an irreversible act."""
    return abs(skew) > MOST_SKEW


def token_life(now: datetime, lab_end: datetime, longest: timedelta) -> timedelta | None:
    """Return how long a token minted now may live, or None when too little is left for one."""
    life = min(longest, lab_end - TOKEN_MARGIN - now)
    return life if life >= TOKEN_LEAST else None


def token_due(minted: datetime, expires: datetime) -> datetime:
    """Return the moment at which a token is renewed: two thirds into its life."""
    return minted + (expires - minted) * 2 / 3


def outlives(token_end: datetime, lab_end: datetime) -> bool:
    """Whether a token would work after the end of a lab whose life was shortened."""
    return token_end > lab_end - TOKEN_MARGIN + timedelta(seconds=5)


def next_wake(now: datetime, *moments: datetime | None) -> datetime | None:
    """Return the earliest of the moments that still lie ahead."""
    return min((moment for moment in moments if moment and moment > now), default=None)
