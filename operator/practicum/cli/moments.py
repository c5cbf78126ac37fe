"""Arithmetic of durations and moments as people write and read them."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from practicum.api.times import format_duration, parse_duration, parse_rfc3339, rfc3339

SHORTEST = timedelta(minutes=15)
LONGEST = timedelta(hours=2160)
_DAYS = re.compile(r"^([0-9]{1,3})d")


def duration(text: str) -> timedelta:
    """Read ``90m``, ``1h30m`` or ``2d4h``: a Go duration that may begin with days.

    Raises:
        ValueError: it is not a positive duration.
    """
    days, rest = timedelta(0), text
    if found := _DAYS.match(text):
        days, rest = timedelta(days=int(found[1])), text[found.end() :]
        if not rest and days:
            return days
    return days + parse_duration(rest)


def remaining(value: timedelta) -> str:
    """Say how long is left, to two units: ``2d4h``, ``7h52m``, ``45s``."""
    seconds = int(value.total_seconds())
    if seconds <= 0:
        return "0s"
    units = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
    parts: list[str] = []
    for letter, size in units:
        number, seconds = divmod(seconds, size)
        if number or parts:
            parts.append(f"{number}{letter}" if number else "")
    return "".join(parts[:2])


def elapsed(value: timedelta) -> str:
    """Say how long something took; transitions have whole seconds."""
    return remaining(value) if value > timedelta(0) else "0s"


def described(moment: datetime, now: datetime) -> str:
    """Write a moment with how far off it is: ``2026-11-21T17:12:00Z (in 5h12m)``."""
    left = moment - now
    span = f"in {remaining(left)}" if left > timedelta(0) else f"{elapsed(-left)} ago"
    return f"{rfc3339(moment)} ({span})"


def zone() -> tzinfo:
    """Return the zone that the clock of whoever calls this shows."""
    return datetime.now().astimezone().tzinfo or UTC


def until(text: str, now: datetime, zone: tzinfo) -> datetime:
    """Read a moment: RFC 3339, a local ``2026-11-21 18:00``, or ``18:00`` (the next one).

    Raises:
        ValueError: it is none of these.
    """
    if re.match(r"^[0-9]{1,2}:[0-9]{2}$", text):
        hour, minute = (int(part) for part in text.split(":"))
        local = now.astimezone(zone)
        moment = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return moment if moment > local else moment + timedelta(days=1)
    return moment_of(text, zone)


def moment_of(text: str, zone: tzinfo) -> datetime:
    """Read a moment: RFC 3339, or a local ``2026-11-21 18:00`` or ``2026-11-21``.

    Raises:
        ValueError: it is none of these.
    """
    try:
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise ValueError(
            f"{text!r} is not a time: write 18:00, 2026-11-21T18:00 or 2026-11-21T18:00:00Z"
        ) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)


def period(since: str, until: str, zone: tzinfo) -> tuple[datetime | None, datetime | None]:
    """Read the two ends of a period; a day alone as its end is part of it.

    Raises:
        ValueError: one is not a time, or the end is not after the beginning.
    """
    first = moment_of(since, zone) if since else None
    last = moment_of(until, zone) if until else None
    if last and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", until):
        last += timedelta(days=1)
    if first and last and first >= last:
        raise ValueError(f"--until {until} is not after --since {since}: move one of them")
    return first, last


def created(lab: dict[str, object]) -> datetime:
    """Return when a LabEnvironment was created."""
    return parse_rfc3339(lab["metadata"]["creationTimestamp"])  # type: ignore[index]


def new_ttl(lifetime: timedelta, longest: timedelta | None) -> str:
    """Return a life as ``spec.ttl`` is written, if a lab may live so long.

    Raises:
        ValueError: it is outside the bounds; the message names them.
    """
    if lifetime < SHORTEST:
        raise ValueError(f"a lab lives at least {format_duration(SHORTEST)} from its creation")
    if lifetime > (longest or LONGEST):
        raise ValueError(f"it may live at most {format_duration(longest or LONGEST)}")
    return format_duration(lifetime)
