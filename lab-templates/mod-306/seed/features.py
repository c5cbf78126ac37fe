"""Features of the lab's Feast project: views are made once, services say which tenant uses them."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, Project, ValueType
from feast.data_format import ParquetFormat
from feast.types import Float64, Int64, String

OWNER = "features@example.org"

project = Project(name="lab", description="Features that tenants share", owner=OWNER)
entity = Entity(
    name="applicant",
    join_keys=["applicant_id"],
    value_type=ValueType.INT64,
    description="A person who applies for credit",
    owner=OWNER,
)


def field(name: str, dtype: type, pii: str = "none") -> Field:
    return Field(name=name, dtype=dtype, tags={"pii": pii})


def view(name: str, text: str, *fields: Field) -> FeatureView:
    return FeatureView(
        name=name,
        entities=[entity],
        ttl=timedelta(days=7),
        schema=[field("applicant_id", Int64, "indirect"), *fields],
        source=FileSource(
            name=f"{name}_source",
            path=f"/data/{name}.parquet",
            file_format=ParquetFormat(),
            timestamp_field="event_timestamp",
            owner=OWNER,
        ),
        description=text,
        owner=OWNER,
        tags={"freshness_slo": "96h"},
        online=False,
    )


behaviour = view(
    "application_behaviour",
    "What an applicant did before this application",
    field("applications_30d", Int64),
    field("utilisation_90d", Float64),
    field("payment_delay_days", Int64, "indirect"),
)
identity = view(
    "applicant_identity", "Contact data, not reviewed", field("email_domain", String, "direct")
)


def service(name: str, tenant: str, *views: FeatureView, **tags: str) -> FeatureService:
    return FeatureService(
        name=name, features=list(views), owner=OWNER, tags={"tenant": tenant, **tags}
    )


approval = {"approved_by": "reviewer-risk,reviewer-ml", "approval_id": "FEAT-2031"}
fraud_v1 = service("fraud_v1", "team-a", behaviour, status="approved", **approval)
fraud_v0 = service("fraud_v0", "team-a", behaviour, identity, status="draft")
churn_v1 = service("churn_v1", "team-b", behaviour, status="draft")
