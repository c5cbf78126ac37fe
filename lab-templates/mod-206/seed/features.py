"""What tenants of the platform API have in the feature store, beside the features of MOD-506."""

from feast import FeatureService

from features import behaviour, chosen, owner, raw

names = [field.name for field in chosen["fields"]]

fraud_v2 = FeatureService(
    name="fraud_v2",
    features=[behaviour[names[:2]]],
    description="The fraud model's next features, without personal data; nobody approved them yet",
    owner=owner,
    tags={"tenant": "team-a", "status": "draft", "consumer_class": "internal"},
)

churn_v1 = FeatureService(
    name="churn_v1",
    features=[behaviour[names[:1]], raw],
    description="Features of team-b's churn model, with contact data",
    owner="churn-team@example.org",
    tags={"tenant": "team-b", "status": "draft", "consumer_class": "internal"},
)
