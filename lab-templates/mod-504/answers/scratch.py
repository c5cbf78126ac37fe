"""A store of a test's own, with the learner's definitions and as much data as was known by then."""

import os
import shutil
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd

WORK = Path(__file__).resolve().parent
sys.path.insert(0, str(WORK / "seed"))
import data  # noqa: E402

SILENT = data.SILENT
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
VALUES = ["txn_amount_7d", "txn_count_7d", "country"]
STORE = """\
project: lab
provider: local
registry: {{registry_type: sql, path: "sqlite:///{place}/registry.db", cache_ttl_seconds: 0}}
offline_store: {{type: duckdb}}
online_store: {{type: sqlite, path: "{place}/online.db"}}
entity_key_serialization_version: 3
"""


def last_before_silence():
    """The moment of a customer's last event before they are silent for days."""
    mine = [row["event_timestamp"] for row in data.transactions() if row["customer_id"] == SILENT]
    return next(one for one, after in pairwise(mine) if after - one > 2 * DAY)


class Scratch:
    """One folder with a repository, its data, a registry and an online store."""

    def __init__(self, place):
        from feast import FeatureStore
        from feast.cli.cli import cli

        self.place = place
        (place / "data").mkdir()
        for source in WORK.glob("*.py"):
            if not source.name.startswith("test_") and source.name != "scratch.py":
                shutil.copyfile(source, place / source.name)
        (place / "feature_store.yaml").write_text(STORE.format(place=place))
        # Paths of sources are relative to the repository, as in the workbench.
        os.chdir(place)
        self.deliver(data.UNTIL)
        apply = ["--chdir", str(place), "apply", "--skip-source-validation"]
        cli(apply, standalone_mode=False)
        self.store = FeatureStore(repo_path=str(place))

    def deliver(self, moment):
        """Let the data be what was known at a moment."""
        data.write(self.place / "data")
        for name, known in (("transactions", "created"), ("merchants", "event_timestamp")):
            path = self.place / "data" / f"{name}.parquet"
            rows = pd.read_parquet(path)
            there = pd.to_datetime(rows[known], utc=True) <= moment
            rows[there].to_parquet(path, index=False)

    def served(self):
        """Values of every customer, by customer."""
        keys = [
            {"customer_id": one, "merchant_id": 1 + one % data.MERCHANTS}
            for one in range(1, data.CUSTOMERS + 1)
        ]
        features = [f"customer_txn:{name}" for name in VALUES]
        features.append("merchant_risk:chargeback_rate_30d")
        found = self.store.get_online_features(features=features, entity_rows=keys).to_dict()
        names = [*VALUES, "chargeback_rate_30d"]
        return {
            one: tuple(found[name][at] for name in names)
            for at, one in enumerate(found["customer_id"])
        }

    def windows(self, view="customer_txn"):
        """What was materialized, oldest first."""
        return sorted(self.store.get_feature_view(view).materialization_intervals)


def known(moment, since):
    """Values of every customer that were known at a moment, of events since another."""
    rows = {
        row["customer_id"]: tuple(row[name] for name in VALUES)
        for row in data.transactions()
        if row["created"] <= moment and row["event_timestamp"] >= since
    }
    utc = data.UNTIL.tzinfo
    risks = {}
    for row in sorted(data.merchants(), key=lambda row: row["event_timestamp"]):
        if row["event_timestamp"].replace(tzinfo=utc) <= moment:
            risks[row["merchant_id"]] = row["chargeback_rate_30d"]
    return {one: (*rows[one], risks[1 + one % data.MERCHANTS]) for one in sorted(rows)}
