"""The one place where time is read: everything else is handed a moment.

All moments are timezone-aware UTC; ``api.times`` writes and reads them as Kubernetes does.
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utcnow() -> datetime:
    """Return the current moment in UTC."""
    return datetime.now(UTC)
