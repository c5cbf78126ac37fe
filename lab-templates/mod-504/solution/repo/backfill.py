"""Brings values to the online store, in windows of a day.

python3 backfill.py 14     the last 14 days, and what is new
python3 backfill.py        what is new since the last run
"""

import sys
from datetime import UTC, datetime, timedelta

from feast import FeatureStore

WINDOW = timedelta(days=1)
LATENESS = timedelta(days=1)
"""So long after its event a value may still be corrected."""


def backfill(store, start, end):
    """Serve what happened from ``start`` to ``end``; a run again comes to the same."""
    while start < end:
        until = min(start + WINDOW, end)
        store.materialize(start, until)
        start = until


def incremental(store, end):
    """Serve what is new since the last run, and what was corrected since.

    Feast's own incremental run looks at events after the last one alone: a correction of an event
    before it would never be served.
    """
    last = min(view.most_recent_end_time for view in store.list_feature_views())
    backfill(store, last - LATENESS, end)


if __name__ == "__main__":
    lab, now = FeatureStore(repo_path="."), datetime.now(UTC)
    if len(sys.argv) > 1:
        backfill(lab, now - timedelta(days=int(sys.argv[1])), now)
    else:
        incremental(lab, now)
