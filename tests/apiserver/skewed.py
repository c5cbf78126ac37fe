"""The operator with another idea of what time it is: ``python -m tests.apiserver.skewed``.

``PRACTICUM_TEST_SKEW`` seconds are added to its clock before anything else reads it.
"""

import os
from datetime import datetime, timedelta

from practicum import clock

_true = clock.utcnow
_SKEW = timedelta(seconds=float(os.environ.get("PRACTICUM_TEST_SKEW", "0")))


def _wrong() -> datetime:
    return _true() + _SKEW


clock.utcnow = _wrong

from practicum.__main__ import main  # noqa: E402 - it binds the clock when it is imported

main()
