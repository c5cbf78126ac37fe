"""Feature definitions of the lab's Feast project: one approved service and one that is not.

The registry holds what is said about the features; samples.py makes a sample of the data behind.
"""

import os
from datetime import timedelta
from typing import Any

from feast import Entity, FeatureService, FeatureView, Field, FileSource, Project, ValueType
from feast.data_format import ParquetFormat
from feast.types import Float64, Int64, String


def field(name: str, dtype: Any, pii: str, text: str) -> Field:
    """A field that says what it is and how personal: none, indirect or direct."""
    return Field(name=name, dtype=dtype, description=text, tags={"pii": pii})


DATASETS = {
    "credit-risk": {
        "owner": "credit-data@example.org",
        "entity": ("applicant", "applicant_id", "A person who applies for credit"),
        "view": ("application_behaviour", "What an applicant did before this application"),
        "fields": [
            field("applications_30d", Int64, "none", "Applications made in the last 30 days"),
            field("utilisation_90d", Float64, "none", "Share of the credit lines used, 90 days"),
            field("payment_delay_days", Int64, "indirect", "Longest delay of a payment, in days"),
        ],
        "raw": ("applicant_identity", "Contact data as it was typed in, not reviewed"),
    },
    "card-fraud": {
        "owner": "cards-data@example.org",
        "entity": ("card", "card_id", "A payment card"),
        "view": ("card_transactions", "What was paid with a card in the last days"),
        "fields": [
            field("txn_amount_7d", Float64, "none", "Sum of the payments of the last 7 days"),
            field("txn_count_7d", Int64, "none", "Number of payments in the last 7 days"),
            field("country", String, "indirect", "Country in which the card was issued"),
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
        schema=[field(join_key, Int64, "indirect", f"Key: {entity_text.lower()}"), *fields],
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


behaviour = view(*chosen["view"], chosen["fields"], freshness_slo="96h", classification="internal")
raw = view(
    *chosen["raw"],
    [field("email_domain", String, "direct", "What follows the @ in the e-mail address")],
    freshness_slo="96h",
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
