"""Compares what is served with what the offline data says.

python3 parity.py          of every customer, as of now; ends with 1 where something differs
"""

import math
import sys
from datetime import UTC, datetime

import pandas as pd
from feast import FeatureStore

TOLERANCE = 1e-6


def mismatches(store, entities, moment):
    """What is served of ``entities`` and is not what was known offline at ``moment``.

    Each is ``{"entity": {key: ...}, "feature": name, "online": value, "offline": value}``.
    """
    service, keys = store.get_feature_service("fraud_v1"), list(entities.columns)
    rows = entities.to_dict("records")
    online = store.get_online_features(features=service, entity_rows=rows).to_df()
    asked = entities.assign(event_timestamp=moment, row=range(len(rows)))
    offline = store.get_historical_features(
        entity_df=asked, features=service, filter_by_created_timestamp=True
    ).to_df()
    offline = offline.set_index("row").sort_index()
    names = [name for name in offline.columns if name not in (*keys, "event_timestamp")]
    return [
        {"entity": rows[at], "feature": name, "online": served, "offline": known}
        for name in names
        for at, (served, known) in enumerate(zip(online[name], offline[name], strict=True))
        if not _same(served, known)
    ]


def _same(one, other):
    if pd.isna(one) or pd.isna(other):
        return pd.isna(one) and pd.isna(other)
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


if __name__ == "__main__":
    customers = pd.read_parquet("data/transactions.parquet")["customer_id"].unique()
    asked = pd.DataFrame({"customer_id": customers, "merchant_id": 1})
    found = mismatches(FeatureStore(repo_path="."), asked, datetime.now(UTC))
    print(*found, f"{len(found)} values of {len(asked)} customers differ", sep="\n")
    sys.exit(bool(found))
