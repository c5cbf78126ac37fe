"""What a policy is told of how fresh the features behind a model are."""

from datetime import UTC, datetime
from typing import Any

import pytest

from practicum.api.change import Action
from practicum.policy.floor import Actor
from practicum.policy.question import Matter, question

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DS = Actor("u", "ds", "data-scientist", "ada", simulated=True)


def view(newest: Any = "2026-11-21T12:00:00Z", slo: str | None = "24h") -> dict[str, Any]:
    tags = {"freshness_slo": slo} if slo else {}
    monitoring = {"max_event_timestamp": newest, "features": {}}
    return {"name": "v", "ttl_seconds": 3600.0, "tags": tags, "monitoring": monitoring}


def lineage(features: Any) -> Any:
    facts = {
        "model": {
            "name": "fraud-dev",
            "version": "2",
            "run_id": "r",
            "author": "ds",
            "tier": "high",
            "tags": {},
            "artifact": "",
            "approved_before": False,
        },
        "run": {"metrics": {}, "params": {}, "git_commit": "", "datasets": []},
        "current": None,
        "features": features,
    }
    matter = Matter("m", Action.PROMOTE_MODEL, DS, (), facts, "d")
    return question(matter, [DS], NOW, asking=True)["lineage"]


@pytest.mark.parametrize(
    ("views", "fresh"),
    [
        ([view()], True),
        ([view("2026-11-21T12:00:00.000001+00:00")], True),
        ([view("2026-11-21T13:00:00+01:00")], True),
        ([view("2026-11-21T11:59:59Z")], False),
        ([view(), view("2026-11-20T12:00:00Z")], False),
        # Without a promise values are as fresh as they live long.
        ([view("2026-11-22T11:00:00Z", None)], True),
        ([view("2026-11-22T10:59:59Z", None)], False),
        # What nobody can tell is not made up.
        ([], None),
        ([view(slo="daily")], None),
        ([view("")], None),
        ([view("yesterday")], None),
        ([view(5)], None),
        ([view(slo=None) | {"ttl_seconds": 1e30}], None),
        ([view() | {"monitoring": None}], None),
        ([view("2026-11-20T12:00:00Z"), view() | {"monitoring": None}], None),
    ],
)
def test_features_are_fresh_if_each_view_is(views: list[Any], fresh: bool | None) -> None:
    features = {"service": "fraud_v1", "found": True, "tags": {"status": "approved"}}
    assert lineage({**features, "views": views}) == {
        "feature_service": "fraud_v1",
        "features_approved": True,
        "freshness_ok": fresh,
    }


def test_a_model_without_features_has_no_lineage() -> None:
    nothing = {"feature_service": "", "features_approved": False, "freshness_ok": None}
    assert lineage(None) == nothing
