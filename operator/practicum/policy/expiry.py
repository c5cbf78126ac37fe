"""When a lab ends, when its tokens do, and when it is next worth looking at either."""

from datetime import datetime, timedelta
from typing import Final

TOKEN_MARGIN: Final = timedelta(seconds=75)
"""Tokens end this long before the lab: API servers round, and cache an authentication a little."""

TOKEN_LEAST: Final = timedelta(minutes=10)
"""The TokenRequest API mints nothing shorter."""


def expires_at(created: datetime, ttl: timedelta) -> datetime:
    """Return the end of a lab; suspension does not stop the clock."""
    return created + ttl


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
