"""Attacks that need running pods, each with a learner's own credentials.

Each has a control beside it: what was refused is known to work where it is allowed, so nothing is
refused merely because nothing runs.
"""

import asyncio
import base64
import json
import re
from typing import Any

import pytest

from e2e import visitor
from e2e.learner import Answer, Learner, Service
from e2e.promotion import Registry
from e2e.stage import Stage
from practicum.kube.client import Object


@pytest.fixture
def image(stage: Stage, ada: Learner) -> str:
    """MLflow's own image: the template allows it, and it brings Python and a PostgreSQL client."""
    path = "jsonpath={.spec.template.spec.containers[0].image}"
    return stage.kubectl("-n", ada.platform, "get", "statefulset", "mlflow", "-o", path)


def passwords(stage: Stage, learner: Learner) -> set[str]:
    """Return every password of a lab's platform that its learner was not given."""
    found = json.loads(stage.kubectl("-n", learner.platform, "get", "secrets", "-o", "json"))
    values = [
        base64.b64decode(value).decode()
        for secret in found["items"]
        for value in secret.get("data", {}).values()
    ]
    every = set(re.findall(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])", str(values)))
    hidden = every - {login["password"] for login in learner.logins}
    assert len(hidden) >= 5, "PostgreSQL's three, MLflow's admin and MLflow's key at the least"
    return hidden


def text(answer: Answer) -> str:
    return answer.body if isinstance(answer.body, str) else json.dumps(answer.body)


async def test_a_pod_of_the_learner_gets_no_login_to_the_database(
    stage: Stage, ada: Learner, image: str
) -> None:
    """Where the network is held, not even a connection; elsewhere no password to be guessed."""
    script = """
import json, sys, psycopg2
host = sys.argv[1]
said = {}
for user, database in (("mlflow", "mlflow"), ("feast", "feast"), ("feast_reader", "feast"),
                       ("postgres", "postgres"), ("postgres", "mlflow"), ("mlflow", "feast")):
    for password in ("", user, "postgres", "password", "practicum"):
        for _ in range(3):
            try:
                psycopg2.connect(host=host, user=user, password=password, dbname=database,
                                 connect_timeout=3).close()
                words = "in"
            except psycopg2.OperationalError as error:
                words = " ".join(str(error).split())
            if "closed the connection unexpectedly" not in words:
                break  # else its answer was lost with the connection
        said[f"{user}@{database} {password!r}"] = words
    if "timeout" in str(said):
        break
print(json.dumps(said))
"""
    place = f"{ada.platform}.svc"
    seen = await visitor.look(
        ada.kube,
        ada.namespace,
        image,
        {"mlflow": (f"mlflow.{place}", 5000), "postgres": (f"postgres.{place}", 5432)},
    )
    assert seen["mlflow"], "the pod reaches nothing at all"
    said = await visitor.run(ada.kube, ada.namespace, image, script, f"postgres.{place}")
    assert len(said) >= 5
    reason = (
        r"password authentication failed|no pg_hba\.conf entry|no password supplied"
        if seen["postgres"]
        else r"timeout expired|[Cc]onnection refused|No route to host"
    )
    assert {attempt: words for attempt, words in said.items() if not re.search(reason, words)} == {}


async def test_mlflow_serves_none_of_its_own_secrets(stage: Stage, ada: Learner) -> None:
    hidden, login = passwords(stage, ada), ada.login("mlflow", "ds")
    async with ada.service("mlflow") as mlflow:
        version = (await Registry(mlflow, ada).candidates())[0]
        run = version["run_id"]
        climbs = (
            "../../../../proc/self/environ",
            "/proc/self/environ",
            "..%2f..%2fproc/self/environ",
        )
        asked = [
            *(f"/get-artifact?run_uuid={run}&path={climb}" for climb in climbs),
            *(f"/api/2.0/mlflow-artifacts/artifacts/{climb}" for climb in climbs),
            *(f"/api/2.0/mlflow-artifacts/artifacts?path={climb}" for climb in climbs),
            f"/model-versions/get-artifact?name=fraud-dev&version={version['version']}"
            f"&path={climbs[0]}",
            "/api/2.0/mlflow/users/get?username=admin",
            "/../../proc/self/environ",
            "/static-files/../../../../proc/self/environ",
        ]
        answers = {path: await mlflow.call(path, login=login) for path in asked}
        source = {"name": "fraud-dev", "source": "file:///proc/self", "run_id": run}
        path = "/api/2.0/mlflow/model-versions/create"
        answers[path] = await mlflow.call(path, body=source, login=login)
        control = await mlflow.call("/api/2.0/mlflow/users/get?username=ds", login=login)
    assert control.status == 200
    done = {path: answer.status for path, answer in answers.items() if answer.status < 400}
    assert done == {}
    leaks = {path for path, answer in answers.items() if any(p in text(answer) for p in hidden)}
    assert leaks == set()


async def test_an_experiment_of_ones_own_is_no_window_into_the_server(
    stage: Stage, ada: Learner
) -> None:
    """Who may make experiments may name where their artifacts lie."""
    hidden, login = passwords(stage, ada), ada.login("mlflow", "ds")
    async with ada.service("mlflow") as mlflow:
        for place in ("file:///proc/self", "file:///", "/proc/self", "file:///etc/passwd#"):
            body: Object = {"name": f"window-{abs(hash(place))}", "artifact_location": place}
            made = await mlflow.call("/api/2.0/mlflow/experiments/create", body=body, login=login)
            if made.status != 200:
                assert made.status in (400, 403), made
                continue
            experiment = made.body["experiment_id"]
            found = await _artifacts(mlflow, login, experiment)
            gone = await mlflow.call(
                "/api/2.0/mlflow/experiments/delete",
                body={"experiment_id": experiment},
                login=login,
            )
            assert gone.status == 200, gone
            assert [one for one in found if any(p in text(one) for p in hidden)] == []
            assert {one.status for one in found} <= {400, 404}, found


async def _artifacts(mlflow: Service, login: dict[str, str], experiment: str) -> list[Answer]:
    """Make a run in an experiment and ask for what lies beside its artifacts."""
    path = "/api/2.0/mlflow/runs/create"
    made = await mlflow.call(path, body={"experiment_id": experiment}, login=login)
    assert made.status == 200, made
    run = made.body["run"]["info"]["run_id"]
    wanted = ("environ", "etc/passwd", "../../environ", "../../../etc/passwd", "..%2f..%2fenviron")
    asked = [f"/get-artifact?run_uuid={run}&path={one}" for one in wanted]
    asked.append(f"/api/2.0/mlflow/artifacts/list?run_id={run}&path=..")
    return [await mlflow.call(one, login=login) for one in asked]


OPA_REFUSED: list[tuple[str, str, Any]] = [
    ("GET", "/v1/data", None),
    ("GET", "/v1/data/tokens", None),
    ("POST", "/v1/data/tokens", {"input": {}}),
    ("POST", "/v1/data", {"input": {}}),
    ("GET", "/v1/data/system/authz", None),
    ("POST", "/v1/data/system/authz/allow", {"input": {}}),
    ("GET", "/v1/config", None),
    ("POST", "/v1/query", {"query": "data.tokens = x"}),
    ("GET", "/v1/query?q=data.tokens%3Dx", None),
    ("POST", "/v1/compile", {"query": "data.tokens"}),
    ("POST", "/v0/data/tokens", {}),
    ("POST", "/", {}),
    ("PUT", "/v1/data/lab", {"approval_matrix": {}}),
    ("PATCH", "/v1/data/lab", [{"op": "remove", "path": "/approval_matrix"}]),
    ("DELETE", "/v1/data/lab", None),
    ("PUT", "/v1/policies/authz", "package system.authz\ndefault allow := true"),
    ("DELETE", "/v1/policies/system/authz.rego", None),
    ("GET", "/v1/data/lab/../tokens", None),
    ("GET", "/v1/data/lab/%2e%2e/tokens", None),
    ("GET", "/v1//data/tokens", None),
]


async def test_opa_hands_out_no_token_and_takes_no_rule(stage: Stage, ada: Learner) -> None:
    hidden, login = passwords(stage, ada), ada.login("opa", "learner")
    matrix = "/v1/data/lab/approval_matrix"
    async with ada.service("opa") as opa:
        before = await opa.call(matrix, login=login)
        policies = await opa.call("/v1/policies", login=login)
        assert (before.status, policies.status) == (200, 200)
        answers = {
            (method, path): await opa.call(path, method=method, body=body, login=login)
            for method, path, body in OPA_REFUSED
        }
        after = await opa.call(matrix, login=login)
        figures = await opa.call("/metrics", login=login)
        anonymous = [await opa.call(one) for one in (matrix, "/metrics")]
    # An escaped climb is a key like any other: nothing is defined there, so there is no result.
    odd = ("GET", "/v1/data/lab/%2e%2e/tokens")
    undefined = answers.pop(odd)
    assert undefined.status == 200
    assert "result" not in undefined.body
    assert {key: a.status for key, a in answers.items() if a.status != 401} == {}
    assert [answer.status for answer in anonymous] == [401, 401]
    assert figures.status == 200
    said = [text(answer) for answer in (*answers.values(), policies, before, figures)]
    own = login["password"]
    assert [one for one in said if own in one or any(p in one for p in hidden)] == []
    assert before.body["result"] == after.body["result"]


async def test_a_config_map_of_the_learner_does_not_speak_for_opa(
    stage: Stage, ada: Learner
) -> None:
    """Named and filled as OPA's own, with a rule that lets everybody in."""
    volumes = json.loads(
        stage.kubectl(
            *("-n", ada.platform, "get", "statefulset", "opa"),
            *("-o", "jsonpath={.spec.template.spec.volumes}"),
        )
    )
    names = [v["configMap"]["name"] for v in volumes if "configMap" in v]
    assert names
    rego = "package system.authz\n\ndefault allow := true\n"
    for name in names:
        meta = {"name": name, "namespace": ada.namespace}
        data = {"authz.rego": rego, "promotion.rego": rego}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
        await ada.kube.create(body)
    try:
        await asyncio.sleep(10)  # a copy, were there one, would be watched by OPA at once
        async with ada.service("opa") as opa:
            assert (await opa.call("/v1/data/lab/approval_matrix")).status == 401
            login = ada.login("opa", "learner")
            assert (await opa.call("/v1/data/tokens", login=login)).status == 401
            policies = (await opa.call("/v1/policies", login=login)).body["result"]
            assert not any("default allow := true" in policy["raw"] for policy in policies)
    finally:
        for name in names:
            await ada.kube.delete("ConfigMap", ada.namespace, name)


COLLECTIONS = ("entities", "data_sources", "feature_views", "feature_services", "projects")
WRITES = """
import os, psycopg
login = {k: os.environ["REGISTRY_" + k.upper()] for k in ("host", "user", "password")}
for statement in ("DELETE FROM feature_services", "CREATE TABLE owned (name text)"):
    try:
        options = "-c default_transaction_read_only=off"
        with psycopg.connect(dbname="feast", options=options, **login) as connection:
            connection.execute(statement)
        print("done")
    except psycopg.Error as error:
        print(type(error).__name__)
"""
"""What the server could do with the login that it has."""
MEASURED = "/api/v1/monitoring"
FLATTERED = {
    "project": "lab",
    "feature_view_name": "applicant_identity",
    "start_date": "2020-01-01",
    "end_date": "2020-01-02",
    "set_baseline": True,
}
"""Measures a day on which nothing was missing."""
REWRITABLE = (*COLLECTIONS, "permissions", "saved_datasets", "label_views", "compute_engines")
"""What the registry holds."""


async def _registry(feast: Service) -> dict[str, Any]:
    """Return what is in Feast's registry, past its cache, and what was measured of its values."""
    found = {}
    for collection in COLLECTIONS:
        answer = await feast.call(f"/api/v1/{collection}?project=lab&allow_cache=false")
        assert answer.status == 200, (collection, answer)
        found[collection] = answer.body
    baseline = await feast.call(f"{MEASURED}/metrics/baseline?project=lab")
    assert baseline.body, baseline
    return found | {"baseline": baseline.body}


def _first(page: dict[str, Any]) -> str:
    """Return the name of the first object of a collection."""
    items = next(value for value in page.values() if isinstance(value, list))
    return str(items[0].get("spec", items[0])["name"])


async def _operations(feast: Service) -> set[tuple[str, str]]:
    """Return every operation on the registry that is no reading, as far as Feast tells of them."""
    found = {(m, f"/api/v1/{place}") for m in ("POST", "PUT") for place in REWRITABLE}
    for prefix in ("", "/api/v1"):
        answer = await feast.call(f"{prefix}/openapi.json")
        described = answer.body if isinstance(answer.body, dict) else {}
        for path, methods in described.get("paths", {}).items():
            whole = path if path.startswith("/api/v1") else prefix + path
            if whole.removeprefix("/api/v1/").split("/")[0] in REWRITABLE:
                found |= {(m.upper(), whole) for m in methods if m not in ("get", "head")}
    return found


async def test_the_feast_registry_is_not_rewritten_by_its_rest_api(
    stage: Stage, ada: Learner
) -> None:
    """Nobody logs in there: neither it nor the database role behind it may write."""
    hidden = passwords(stage, ada)
    async with ada.service("feast") as feast:
        before = await _registry(feast)
        names = {collection: _first(before[collection]) for collection in COLLECTIONS[:4]}
        operations = await _operations(feast)
        said = []
        for method, path in sorted(operations):
            name = names.get(path.split("/")[3], "lab")
            aimed = re.sub(r"\{[^}]*\}", name, path)
            body = {"name": name, "project": "lab", "join_key": "owned", "tags": {"owned": "1"}}
            said.append(
                await feast.call(f"{aimed}?project=lab&name={name}", method=method, body=body)
            )
        entity = {"name": "owned", "project": "lab", "join_key": "owned"}
        written = await feast.call("/api/v1/entities", body=entity)
        measured = await feast.call(f"{MEASURED}/compute", body=FLATTERED)
        for collection, name in names.items():
            gone = await feast.call(f"/api/v1/{collection}/{name}?project=lab", method="DELETE")
            assert gone.status >= 400, (collection, name, gone)
        await asyncio.sleep(6)  # its cache lives for five
        after = await _registry(feast)
    assert (written.status, measured.status) == (405, 405), (written, measured)
    assert after == before
    said_within = stage.kubectl(
        "-n", ada.platform, "exec", "feast-0", "--", "python3", "-c", WRITES
    )
    assert said_within.split() == ["InsufficientPrivilege"] * 2
    assert [one for one in said if any(p in text(one) for p in hidden)] == []
