"""Brings values to the online store: a first draft, which serves whatever is new today.

python3 backfill.py        what is served, up to now
"""

from datetime import UTC, datetime, timedelta

DAY = timedelta(days=1)


def backfill(store, start, end):
    """Serve what happened from ``start`` to ``end``."""
    store.materialize(end - DAY, end)


def incremental(store, end):
    """Serve what is new since the last run, up to ``end``."""
    store.materialize_incremental(end)


if __name__ == "__main__":
    from feast import FeatureStore

    now = datetime.now(UTC)
    backfill(FeatureStore(repo_path="."), now - 15 * DAY, now)
