"""Feature definitions of the lab's Feast project: one approved service and one that is not.

The registry holds what is said about the features; the lab does not ship the data behind them.
"""

import os
from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, Project, ValueType
from feast.data_format import ParquetFormat
from feast.types import Float64, Int64, String

PII_NONE, PII_INDIRECT, PII_DIRECT = ({"pii": level} for level in ("none", "indirect", "direct"))

DATASETS = {
    "credit-risk": {
        "owner": "credit-data@example.org",
        "entity": ("applicant", "applicant_id", "A person who applies for credit"),
        "view": ("application_behaviour", "What an applicant did before this application"),
        "fields": [
            Field(name="applications_30d", dtype=Int64, tags=PII_NONE),
            Field(name="utilisation_90d", dtype=Float64, tags=PII_NONE),
            Field(name="payment_delay_days", dtype=Int64, tags=PII_INDIRECT),
        ],
        "raw": ("applicant_identity", "Contact data as it was typed in, not reviewed"),
    },
    "card-fraud": {
        "owner": "cards-data@example.org",
        "entity": ("card", "card_id", "A payment card"),
        "view": ("card_transactions", "What was paid with a card in the last days"),
        "fields": [
            Field(name="txn_amount_7d", dtype=Float64, tags=PII_NONE),
            Field(name="txn_count_7d", dtype=Int64, tags=PII_NONE),
            Field(name="country", dtype=String, tags=PII_INDIRECT),
        ],
        "raw": ("cardholder_identity", "Contact data of cardholders, not reviewed"),
    },
}

chosen = DATASETS[os.environ["PARAMETER_DATASET"]]
owner = chosen["owner"]
entity_name, join_key, entity_text = chosen["entity"]

project = Project(name="lab", description="Features of the fraud model", owner=owner)

entity = Entity(
    name=entity_name,
    join_keys=[join_key],
    value_type=ValueType.INT64,
    description=entity_text,
    owner=owner,
)


def view(name: str, text: str, fields: list[Field], **tags: str) -> FeatureView:
    return FeatureView(
        name=name,
        entities=[entity],
        ttl=timedelta(days=7),
        schema=[Field(name=join_key, dtype=Int64), *fields],
        source=FileSource(
            name=f"{name}_source",
            path=f"/data/{name}.parquet",
            file_format=ParquetFormat(),
            timestamp_field="event_timestamp",
            created_timestamp_column="created",
            owner=owner,
            description=text,
        ),
        description=text,
        owner=owner,
        tags=tags,
        online=False,
    )


behaviour = view(*chosen["view"], chosen["fields"], freshness_slo="24h", classification="internal")
raw = view(
    *chosen["raw"],
    [Field(name="email_domain", dtype=String, tags=PII_DIRECT)],
    classification="unreviewed",
)

fraud_v1 = FeatureService(
    name="fraud_v1",
    features=[behaviour],
    description="Reviewed features for the fraud model",
    owner=owner,
    tags={
        "status": "approved",
        "approved_by": "reviewer-risk,reviewer-ml",
        "approval_id": "FEAT-2031",
        "consumer_class": "internal",
    },
)

fraud_v0 = FeatureService(
    name="fraud_v0",
    features=[behaviour, raw],
    description="First draft, with contact data; never approved",
    owner=owner,
    tags={"status": "draft", "consumer_class": "internal"},
)
