"""Features of customers: a first draft. It works, and nobody could govern it."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64, String

customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.INT64)

transactions = FileSource(
    name="transactions",
    path="data/transactions.parquet",
    timestamp_field="event_timestamp",
)

customer_txn = FeatureView(
    name="customer_txn",
    entities=[customer],
    ttl=timedelta(days=365),
    schema=[
        Field(name="txn_amount_7d", dtype=Float64),
        Field(name="txn_count_7d", dtype=Int64),
        Field(name="country", dtype=String),
        Field(name="email", dtype=String),
    ],
    source=transactions,
)

fraud_v0 = FeatureService(name="fraud_v0", features=[customer_txn])
