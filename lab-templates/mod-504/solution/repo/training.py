"""Joins a training set: what was known of each row at its moment, and every row."""

import sys

import pandas as pd
from feast import FeatureStore


def training_set(store, entities):
    """What was known of each row of ``entities`` at its ``event_timestamp``.

    A value counts from the moment at which it was known (``created``), so a correction of later is
    none yet. Rows without a value stay: a model has to learn that there may be none.
    """
    job = store.get_historical_features(
        entity_df=entities,
        features=store.get_feature_service("fraud_v1"),
        filter_by_created_timestamp=True,
    )
    return job.to_df()


if __name__ == "__main__":
    orders = pd.read_parquet("data/labels.parquet").drop_duplicates()
    found = training_set(FeatureStore(repo_path="."), orders)
    found.to_parquet(sys.argv[1])
    print(f"{len(found)} rows of {len(orders)} orders")
