"""Moments and durations as Kubernetes and Go write them."""

import re
from datetime import UTC, datetime, timedelta

import durationpy

_DAY, _TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
TIMESTAMP_PATTERN = rf"^{_DAY}T{_TIME}(Z|[+-][0-9]{{2}}:[0-9]{{2}})$"
DURATION_PATTERN = r"^([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,8}s)?$"


def rfc3339(moment: datetime) -> str:
    """Write a moment the way Kubernetes does, for example ``2026-11-21T17:12:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> datetime:
    """Read a Kubernetes timestamp (with or without fractions of a second).

    Raises:
        ValueError: the text is not RFC 3339.
    """
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def parse_duration(text: str) -> timedelta:
    """Read a Go duration such as ``8h`` or ``1h30m``.

    Raises:
        ValueError: it is not a duration, or it is zero.
    """
    if not text or not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(f"{text!r} is not a duration: write hours, minutes, seconds, like 1h30m")
    value: timedelta = durationpy.from_str(text)
    if value <= timedelta(0):
        raise ValueError(f"{text!r} is not a positive duration")
    return value


def format_duration(value: timedelta) -> str:
    """Write a duration the way a person says it: ``1h30m``, ``45s``."""
    seconds = max(0, int(value.total_seconds()))
    parts = [(seconds // 3600, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s")]
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
