"""Features of customers and merchants, for models that score payments."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, Project, ValueType
from feast.types import Float64, Int64, String

OWNER = "payments-data@example.org"

project = Project(name="lab", description="Features of payments", owner=OWNER)

customer = Entity(
    name="customer",
    join_keys=["customer_id"],
    value_type=ValueType.INT64,
    description="Somebody who pays",
    owner=OWNER,
)
merchant = Entity(
    name="merchant",
    join_keys=["merchant_id"],
    value_type=ValueType.INT64,
    description="Somebody who is paid",
    owner=OWNER,
)

transactions = FileSource(
    name="transactions",
    path="data/transactions.parquet",
    timestamp_field="event_timestamp",
    created_timestamp_column="created",
    description="Sums of a customer's payments, every six hours; corrected up to a day later",
    owner=OWNER,
)
merchants = FileSource(
    name="merchants",
    path="data/merchants.parquet",
    timestamp_field="event_timestamp",
    description="Chargebacks of merchants, daily; its moments are UTC and do not say so",
    owner=OWNER,
)

customer_txn = FeatureView(
    name="customer_txn",
    entities=[customer],
    ttl=timedelta(hours=48),
    schema=[
        Field(
            name="txn_amount_7d",
            dtype=Float64,
            description="Sum of the payments of the last 7 days, in euros",
            tags={"pii": "none"},
        ),
        Field(
            name="txn_count_7d",
            dtype=Int64,
            description="Number of payments in the last 7 days",
            tags={"pii": "none"},
        ),
        Field(
            name="country",
            dtype=String,
            description="Country in which the card was issued",
            tags={"pii": "indirect"},
        ),
    ],
    source=transactions,
    description="What a customer paid lately",
    owner=OWNER,
    tags={"freshness_slo": "24h"},
)
merchant_risk = FeatureView(
    name="merchant_risk",
    entities=[merchant],
    ttl=timedelta(hours=72),
    schema=[
        Field(
            name="chargeback_rate_30d",
            dtype=Float64,
            description="Share of a merchant's payments that were charged back, 30 days",
            tags={"pii": "none"},
        ),
    ],
    source=merchants,
    description="How often a merchant's payments are charged back",
    owner=OWNER,
    tags={"freshness_slo": "48h"},
)

fraud_v1 = FeatureService(
    name="fraud_v1",
    features=[customer_txn, merchant_risk],
    description="What the fraud model is trained on and asks for online",
    owner=OWNER,
    tags={"consumer_class": "internal"},
)
