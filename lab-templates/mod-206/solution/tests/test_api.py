"""The API with services that are made up, but answer as the lab's do."""

import json

import httpx
import pytest
from fastapi.testclient import TestClient
from platform_api.app import create_app
from platform_api.backends import Backends
from platform_api.callers import Caller
from platform_api.problems import Problem
from platform_api.routes import page
from platform_api.usage import Meter

TOKENS = {
    "a": Caller("team-a-dev", "team-a", ("developer",)),
    "b": Caller("team-b-dev", "team-b", ("developer",)),
    "admin": Caller("platform-admin", "platform", ("platform-admin",)),
}
MODELS = [
    {"name": "fraud", "tags": [{"key": "tenant", "value": "team-a"}]},
    {"name": "fraud-dev", "tags": [{"key": "tenant", "value": "team-a"}]},
    {"name": "churn-dev", "tags": [{"key": "tenant", "value": "team-b"}]},
]
VERSION = {"version": "2", "run_id": "r2", "tags": []}
APPROVED = {
    "version": "2",
    "run_id": "r2",
    "tags": [{"key": "approval_id", "value": "prm-1"}, {"key": "approved_by", "value": "x,y"}],
}
FIELDS = [
    {"name": "count", "valueType": "INT64", "tags": {"pii": "none"}},
    {"name": "delay", "valueType": "INT64", "tags": {"pii": "indirect"}},
]
SERVICE = {
    "name": "fraud_v1",
    "owner": "data@example.org",
    "tags": {"status": "approved", "approved_by": "x,y"},
    "features": [{"featureViewName": "v", "featureColumns": FIELDS}],
}


class World:
    """Answers for all services; ``decision`` is what OPA says, ``down`` what is away."""

    def __init__(self):
        self.decision = {"allow": True, "deny": []}
        self.asked = []
        self.down = ""

    def __call__(self, request):
        if self.down and self.down == request.url.host:
            return httpx.Response(500)
        body = self.answer(request, request.url.path, dict(request.url.params))
        return httpx.Response(404) if body is None else httpx.Response(200, json=body)

    def answer(self, request, path, query):
        if path == "/v1/data/lab/access":
            self.asked.append(json.loads(request.content)["input"])
            return {"result": self.decision}
        if path == "/invocations":
            records = json.loads(request.content)["dataframe_records"]
            return {"predictions": [0.4 for _ in records], "model_version": 1}
        return registered(path.rsplit("/", 2)[1:], query)


def registered(path, query):
    model = next((one for one in MODELS if one["name"] == query.get("name")), None)
    mine = APPROVED if query.get("filter") == "name='fraud'" else VERSION
    return {
        "registered-models/search": {"registered_models": MODELS},
        "registered-models/get": model and {"registered_model": model},
        "model-versions/search": {"model_versions": [mine]},
        "runs/get": {"run": {"info": {"experiment_id": "1"}}},
        "model/scorer.json": {"intercept": 0.0, "weights": {"x": 1.0}},
        "v1/feature_services": {"featureServices": [{"spec": SERVICE}]},
    }["/".join(path)]


@pytest.fixture
def world():
    return World()


@pytest.fixture
def api(world):
    urls = {f"{name}_URL": f"http://{name.lower()}" for name in ("MLFLOW", "FEAST", "OPA")}
    backends = Backends(urls | {"SERVING_URL": "http://serving"}, httpx.MockTransport(world))
    return TestClient(create_app(backends, TOKENS))


def get(api, path, token="a"):
    return api.get(path, headers={"Authorization": f"Bearer {token}"})


def test_it_is_alive(api):
    assert api.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize("header", ["", "Bearer nobody", "Basic a"])
def test_whoever_is_not_known_is_refused(api, header):
    answer = api.get("/v1/tenants", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "UNAUTHENTICATED"


def test_policy_is_asked_whose_the_resource_is(api, world):
    get(api, "/v1/models/churn-dev")
    assert world.asked[0]["resource"] == {"type": "model", "tenant": "team-b", "labels": {}}
    assert world.asked[0]["path"] == ["v1", "models", "churn-dev"]


def test_a_refusal_names_its_control(api, world):
    reason = {"control": "API-2", "code": "TENANT_FOREIGN", "msg": "not yours"}
    world.decision = {"allow": False, "deny": [reason]}
    answer = get(api, "/v1/models/churn-dev")
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["control"] == "API-2"


def test_too_many_calls(api, world):
    reason = {"control": "API-4", "code": "RATE_EXCEEDED", "msg": "enough"}
    world.decision = {"allow": False, "deny": [reason]}
    assert get(api, "/v1/tenants").status_code == 429


@pytest.mark.parametrize("decision", [None, {}, {"allow": "yes"}, {"allow": False, "deny": []}])
def test_whatever_is_no_yes_is_a_no(api, world, decision):
    world.decision = decision
    assert get(api, "/v1/tenants").json()["code"] == "POLICY_UNDEFINED"


def test_without_policy_nobody_is_let_in(api, world):
    world.down = "opa"
    assert get(api, "/v1/tenants").json()["code"] == "POLICY_UNAVAILABLE"


def test_without_the_registry_it_says_so(api, world):
    world.down = "mlflow"
    assert get(api, "/v1/models").json()["code"] == "BACKEND_UNAVAILABLE"


def test_tenants_see_what_is_theirs(api):
    def names(token):
        return [one["name"] for one in get(api, "/v1/models", token).json()["items"]]

    assert names("a") == ["fraud", "fraud-dev"]
    assert names("b") == ["churn-dev"]
    assert len(names("admin")) == 3


def test_pages_lead_to_the_end(api):
    seen, cursor = [], ""
    while cursor is not None:
        found = get(api, f"/v1/models?limit=1&cursor={cursor}", "admin").json()
        assert len(found["items"]) == 1
        seen, cursor = [*seen, found["items"][0]["name"]], found["next"]
    assert seen == ["churn-dev", "fraud", "fraud-dev"]


def test_a_cursor_of_nobody_is_refused():
    with pytest.raises(Problem, match=r"query\.cursor"):
        page([], 1, "x")


@pytest.mark.parametrize("limit", ["0", "101", "many"])
def test_pages_have_bounds(api, limit):
    answer = get(api, f"/v1/models?limit={limit}")
    assert (answer.status_code, answer.json()["code"]) == (422, "MALFORMED")


def test_what_is_not_there_is_404(api):
    for path in ("models/x", "features/x", "promotions/prm-x", "models/fraud/versions/9/canary"):
        assert get(api, f"/v1/{path}").status_code == 404


def test_features_say_how_personal_they_are(api, world):
    found = get(api, "/v1/features/fraud_v1?purpose=audit").json()
    assert (found["pii"], found["approved_by"]) == ("indirect", "x,y")
    assert world.asked[0]["purpose"] == "audit"
    assert world.asked[0]["resource"]["labels"] == {"pii": "indirect"}
    assert "fields" not in get(api, "/v1/features").json()["items"][0]


def test_a_canary_compares_with_production(api):
    found = get(api, "/v1/models/fraud-dev/versions/2/canary").json()
    assert found["production_version"] == "1"
    assert found["requests"] == 200
    assert found["flipped_percent"] == 100.0
    assert found == get(api, "/v1/models/fraud-dev/versions/2/canary").json()


def ask(api, **body):
    asked = {"model": "fraud-dev", "version": "2", "reason": "fewer complaints"} | body
    return api.post("/v1/promotions", json=asked, headers={"Authorization": "Bearer a"})


def test_a_promotion_says_how_it_goes_on(api):
    made = ask(api).json()
    assert f"--name {made['id']}" in made["next"]
    assert get(api, f"/v1/promotions/{made['id']}").json()["state"] == "requested"


def test_promotions_that_were_carried_out_are_known_from_the_registry(api):
    listed = get(api, "/v1/promotions").json()["items"]
    assert [(one["id"], one["state"]) for one in listed] == [("prm-1", "executed")]
    assert get(api, "/v1/promotions", "b").json()["items"] == []


@pytest.mark.parametrize(("field", "value"), [("version", "two"), ("reason", "x"), ("model", "")])
def test_a_promotion_is_well_formed(api, field, value):
    assert ask(api, **{field: value}).status_code == 422


def test_a_version_has_to_be_there(api):
    assert ask(api, version="7").json()["code"] == "VERSION_UNKNOWN"


def test_calls_are_counted_by_tenant_and_operation(api):
    for token in ("a", "a", "b", "nobody"):
        get(api, "/v1/tenants", token)
    report = get(api, "/v1/usage", "admin").json()
    calls = {(one["tenant"], one["operation"]): one["calls"] for one in report["periods"]}
    assert calls == {
        ("team-a", "listTenants"): 2,
        ("team-b", "listTenants"): 1,
        ("nobody", "listTenants"): 1,
    }
    assert set(get(api, "/v1/usage", "b").json()["totals"]) == {"team-b"}
    assert 'platform_api_requests_total{operation="listTenants"' in api.get("/metrics").text


def test_a_minute_is_a_minute():
    now = [0.0]
    meter = Meter(lambda: now[0])
    meter.record("team-a", "x", 200, 0.1)
    now[0] = 59.0
    assert meter.recent("team-a") == 1
    now[0] = 61.0
    assert meter.recent("team-a") == 0


def test_every_operation_is_described(api):
    paths = api.get("/openapi.json").json()["paths"]
    operations = [one for methods in paths.values() for one in methods.values()]
    assert len(operations) == 10
    assert all(one["summary"] and "403" in one["responses"] for one in operations)
