"""MLflow's models and Feast's features, as their services answer."""

import json
from typing import Any

import pytest

from practicum.api.looks.services import FeaturesCheck, ModelCheck
from practicum.checks.findings import Finding
from practicum.checks.looks import registries
from practicum.checks.outcomes import LearnerFailed, LookBroken
from practicum.errors import ServiceError
from practicum.governance.http import Answer

from .checks import template
from .scenes import Stage

Object = dict[str, Any]
SERVED: Object = {
    "metadata": {"feature_names": ["id", "amount", "city"]},
    "results": [{"values": [1, 2]}, {"values": [10.0, None]}, {"values": ["a", "b"]}],
}


def test_what_is_served_is_sorted_by_feature() -> None:
    assert registries.served_values(SERVED) == {
        "id": [1, 2],
        "amount": [10.0, None],
        "city": ["a", "b"],
    }
    assert registries.served_values({}) == {}
    assert registries.served_values({"metadata": {"feature_names": ["a"]}}) == {}
    assert registries.served_values({**SERVED, "results": [{}]}) == {"id": []}


@pytest.mark.parametrize(
    ("one", "other", "tolerance", "same"),
    [
        (1, 1.0, 0, True),
        (1.0, 1.0 + 1e-9, 1e-6, True),
        (1.0, 1.1, 1e-6, False),
        (1000.0, 1000.5, 1e-3, True),
        (0, 1e-9, 1e-6, True),
        (None, None, 1, True),
        (None, 0, 1, False),
        ("a", "a", 0, True),
        ("1", 1, 1, False),
        (float("nan"), float("nan"), 1, False),
    ],
)
def test_cells_are_the_same_within_a_tolerance(
    one: Any, other: Any, tolerance: float, same: bool
) -> None:
    assert registries.same(one, other, tolerance) is same
    assert registries.same(other, one, tolerance) is same


@pytest.mark.parametrize(
    ("expected", "observed", "places"),
    [
        ([1, 2, 3], [1, 2, 3], []),
        ([1, 2, 3], [1, 9, 3], [1]),
        ([1, 2, 3], [1], [1, 2]),
        ([1], [1, 2], []),
        ([None, 1], [0, None], [0, 1]),
        ([], [1], []),
    ],
)
def test_what_is_missing_differs(expected: Any, observed: Any, places: list[int]) -> None:
    assert registries.unlike(expected, observed, 1e-6) == places


SERVICES = [
    {"name": name, "component": "app", "port": 8080} for name in ("mlflow", "feast", "feast-online")
]
SPEC = template(services=SERVICES, logins=[])
MODEL = {
    "registered_model": {
        "name": "fraud",
        "aliases": [{"alias": "champion", "version": "2"}],
    }
}
VERSION = {
    "model_version": {
        "name": "fraud",
        "version": "2",
        "run_id": "r1",
        "tags": [{"key": "approval_id", "value": "42"}],
    }
}
RUN = {
    "run": {
        "data": {
            "metrics": [{"key": "auc", "value": 0.91}],
            "params": [{"key": "depth", "value": "3"}],
            "tags": [{"key": "commit", "value": "abc"}],
        }
    }
}
ROOT = "/api/2.0/mlflow"
MLFLOW = {
    f"{ROOT}/registered-models/get": Answer(200, MODEL),
    f"{ROOT}/model-versions/get": Answer(200, VERSION),
    f"{ROOT}/runs/get": Answer(200, RUN),
}
ABSENT = Answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})


async def model(services: Any = MLFLOW, **look: Any) -> Finding:
    asked = ModelCheck.model_validate({"name": "fraud", "alias": "champion", **look})
    return await registries.look_at_model(Stage(SPEC, services=services).scene(), asked)


async def test_a_version_is_looked_at_with_its_run() -> None:
    expect = [
        {"path": "version", "op": "ge", "value": 2},
        {"path": "tags.approval_id", "op": "exists"},
        {"path": "run.metrics.auc", "op": "gt", "value": 0.9},
        {"path": "run.params.depth", "value": 3},
        {"path": "aliases.champion", "value": "2"},
    ]
    assert (await model(**{"assert": expect})).state.value == "pass"
    low = await model(**{"assert": [{"path": "run.metrics.auc", "op": "gt", "value": 0.95}]})
    text = "model fraud: expected that run.metrics.auc is above 0.95; run.metrics.auc is 0.91"
    assert low.message == text


@pytest.mark.parametrize(
    ("services", "look", "said"),
    [
        ({**MLFLOW, f"{ROOT}/registered-models/get": ABSENT}, {}, "no registered model fraud"),
        (MLFLOW, {"alias": "shadow"}, "model fraud has no alias shadow"),
        ({**MLFLOW, f"{ROOT}/model-versions/get": ABSENT}, {"version": "9"}, "no version 9"),
    ],
)
async def test_what_is_not_registered_is_the_learners_to_do(
    services: Any, look: Object, said: str
) -> None:
    with pytest.raises(LearnerFailed, match=said):
        await model(services, **look)


@pytest.mark.parametrize(
    "answer", [Answer(500, None), Answer(200, "text"), ServiceError("TimedOut", "no answer")]
)
async def test_a_registry_that_does_not_work_is_the_labs_trouble(answer: Any) -> None:
    with pytest.raises(LookBroken, match="mlflow: "):
        await model({**MLFLOW, f"{ROOT}/registered-models/get": answer})


VIEW = Answer(200, {"spec": {"name": "customer", "ttl": "86400s", "online": True}})
MEASURED = [
    {"max_event_timestamp": "2026-11-20T13:00:00Z"},
    {"max_event_timestamp": "2026-11-21T10:00:00Z"},
    {"max_event_timestamp": None},
]
FEAST = {
    "/api/v1/feature_views/customer": VIEW,
    "/api/v1/monitoring/metrics/features": Answer(200, MEASURED),
    "/get-online-features": Answer(200, SERVED),
}


async def features(services: Any = FEAST, golden: Any = None, **look: Any) -> Finding:
    answers = {"golden.json": json.dumps(golden or {})}
    stage = Stage(SPEC, services=services, answers=answers)
    return await registries.look_at_features(stage.scene(), FeaturesCheck.model_validate(look))


async def test_a_view_is_held_against_what_is_expected() -> None:
    online = [{"path": "spec.online", "value": True}]
    assert (await features(view="customer", **{"assert": online})).state.value == "pass"
    wrong = [{"path": "spec.ttl", "value": "1h"}]
    found = await features(view="customer", **{"assert": wrong})
    assert found.message.startswith("feature_view customer: expected that spec.ttl is 1h")
    with pytest.raises(LearnerFailed, match="Feast project lab has no feature_service fraud"):
        await features(featureService="fraud")


async def test_feast_that_does_not_work_is_the_labs_trouble() -> None:
    with pytest.raises(LookBroken, match="feast answered 500 to /api/v1/feature_views/customer"):
        await features({"/api/v1/feature_views/customer": Answer(500, None)}, view="customer")


@pytest.mark.parametrize(
    ("freshness", "message"),
    [("3h", ""), ("2h", "the newest event of customer is 3.0 h old, at most 2h")],
)
async def test_data_has_an_age(freshness: str, message: str) -> None:
    found = await features(view="customer", freshness=freshness)
    assert (found.state.value, found.message) == ("fail" if message else "pass", message)


@pytest.mark.parametrize("rows", [[], None, [{"max_event_timestamp": None}], ["x"]])
async def test_what_nobody_measured_has_none(rows: Any) -> None:
    services = {**FEAST, "/api/v1/monitoring/metrics/features": Answer(200, rows)}
    found = await features(services, view="customer", freshness="1h")
    assert "nobody has measured customer yet" in found.message


GOLDEN: Object = {
    "entities": {"id": [1, 2]},
    "values": {"amount": [10.0, None], "city": ["a", "b"]},
}


async def online(served: Any = SERVED, golden: Any = GOLDEN, status: int = 200) -> Finding:
    services = {"/get-online-features": Answer(status, served)}
    look = {"features": ["customer:amount"], "golden": "golden.json"}
    return await features(services, golden, online=look)


async def test_what_is_served_is_what_the_offline_data_says() -> None:
    assert (await online()).state.value == "pass"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"amount": [11.0, None]}, "amount is not what the offline data says for 1 of 2 entities"),
        ({"tax": [1, 2]}, "feature tax is not served"),
    ],
)
async def test_what_is_served_wrongly_is_named(values: Object, said: str) -> None:
    found = await online(golden={**GOLDEN, "values": values})
    assert found.message == said


async def test_an_entity_without_a_value_is_not_what_the_offline_data_says() -> None:
    for values in ([], [10.0], [10.0, 0]):
        results = [*SERVED["results"][:1], {"values": values}, *SERVED["results"][2:]]
        found = await online({**SERVED, "results": results})
        assert "amount is not what the offline data says" in found.message
    assert found.observed == 'entity {"id": 2}: 0'


@pytest.mark.parametrize(
    "served",
    [
        {"metadata": []},
        {"metadata": {"feature_names": 3}, "results": []},
        {"metadata": {"feature_names": ["amount"]}, "results": 3},
        {"metadata": {"feature_names": ["amount"]}, "results": [3]},
        {"metadata": {"feature_names": ["amount"]}, "results": [{"values": 3}]},
        {"metadata": {"feature_names": [["amount"]]}, "results": [{"values": [1]}]},
    ],
)
async def test_an_answer_of_another_form_serves_nothing(served: Object) -> None:
    found = await online(served)
    assert found.state.value == "fail"
    assert "amount is not" in found.message


async def test_a_feature_server_that_refuses_is_the_learners_to_mend() -> None:
    found = await online({"detail": "no such feature"}, status=422)
    assert found.message == 'the feature server answered 422: {"detail": "no such feature"}'
    assert "answered 200: text" in (await online("text")).message
