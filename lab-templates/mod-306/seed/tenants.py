"""Feature services of the tenants: views are made once and used by many."""

from feast import FeatureService

from features import behaviour, owner


def service(name: str, tenant: str, text: str) -> FeatureService:
    return FeatureService(
        name=name,
        features=[behaviour],
        description=text,
        owner=owner,
        tags={"status": "draft", "consumer_class": "internal", "tenant": tenant},
    )


churn_v1 = service("churn_v1", "team-b", "What the model churn is to be trained on")
offers_v1 = service("offers_v1", "team-b", "What the model offers is to be trained on")
