"""What a lab's services answer, for tests without a node: a small registry and feature store.

MLflow and Feast are played on loopback, one address a lab, by as much of their REST API as governed
changes use, filled with the very story of MOD-506; OPA is the real one with the module's policies.
The journeys on the cluster meet the real three.
"""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import itertools
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

ROOT = Path(__file__).parents[1]
MODULE = ROOT / "lab-templates/mod-506"
DAY = 86400


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


STORY = _module("story_506", MODULE / "seed/story.py")
APPROVALS = _module("approvals", ROOT / "lab-templates/components/feast/files/approvals.py")
FEAST_ANSWERS = json.loads((ROOT / "tests/feast_answers.json").read_text())
"""What Feast 0.67 answered about the definitions of MOD-506, without its source code."""


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def addresses(first: int, last: int) -> list[str]:
    """Return loopback addresses: of this process alone, or two runs at once would meet."""
    high, low = divmod(os.getpid(), 250)
    return [f"127.{100 + high % 150}.{low}.{number}" for number in range(first, last + 1)]


@dataclass
class Registry:
    """One lab's registry: registered models with tags, aliases and versions, and runs."""

    names: Sequence[str] = ("fraud",)
    """Models in production; the candidates of each are in another one, ``<name>-dev``."""
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    calls: int = 0

    def __post_init__(self) -> None:
        for name in self.names:
            for one in (f"{name}-dev", name):
                self.models[one] = {"tags": {"tier": "high"}, "aliases": {}, "versions": {}}
        for run in STORY.RUNS:
            if run.registered:
                self._register(run)
        for name in self.names:
            first = self.models[f"{name}-dev"]["versions"]["1"]
            self.create(name, first["run_id"], dict(first["tags"]))
            self.models[name]["aliases"]["champion"] = "1"

    def _register(self, run: Any) -> None:
        run_id = hashlib.md5(run.name.encode(), usedforsecurity=False).hexdigest()
        metrics = dict(zip(STORY.METRICS, run.metrics, strict=True))
        model = _canonical({"intercept": -2.5, "name": run.name})
        sealed = {"metrics": metrics, "model": hashlib.sha256(model).hexdigest()}
        at = time.gmtime(time.time() - run.age_days * DAY)
        tags = {
            "author": "ds",
            "tier": "low",
            "evaluated_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", at),
            "evaluated_digest": "sha256:" + hashlib.sha256(_canonical(sealed)).hexdigest(),
            "feast.feature_service": run.service,
        }
        for name in self.names:
            self.create(f"{name}-dev", run_id, dict(tags))
        now = dict(zip(STORY.METRICS, run.changed_later or run.metrics, strict=True))
        self.artifacts[run_id] = model
        self.runs[run_id] = {
            "info": {"run_id": run_id, "experiment_id": "1"},
            "data": {"metrics": _pairs(now), "tags": _pairs({"git_commit": "c0ffee" * 6})},
            "inputs": {"dataset_inputs": [{"dataset": {"name": "credit", "digest": "d1"}}]},
        }

    def create(self, name: str, run_id: str, tags: dict[str, str]) -> dict[str, Any]:
        versions = self.models[name]["versions"]
        number = str(len(versions) + 1)
        versions[number] = {"name": name, "version": number, "run_id": run_id, "tags": tags}
        return versions[number]

    def alias(self, name: str, alias: str) -> str:
        """Return the version that an alias is on."""
        return str(self.models[name]["aliases"].get(alias, ""))


@dataclass
class Defined:
    """An object of Feast's: what its definition says, and the tags that it is applied with."""

    name: str
    spec: dict[str, Any]
    tags: dict[str, str]


class Feast:
    """One lab's feature registry, and the Job that writes it: the module's definitions and more."""

    def __init__(self) -> None:
        answers = copy.deepcopy(FEAST_ANSWERS)
        self.services = {k: one["spec"] for k, one in answers["feature_services"].items()}
        self.views = {k: one["spec"] for k, one in answers["feature_views"].items()}
        draft = {**self.services["fraud_v1"], "name": "fraud_v2"}
        draft["tags"] = {"consumer_class": "internal", "status": "draft"}
        self.services["fraud_v2"] = copy.deepcopy(draft)
        self._tags = {name: dict(one["tags"]) for name, one in self.services.items()}
        self.baselines: dict[str, list[dict[str, Any]]] = answers["baselines"]
        """What monitoring says of each view's values, the newest of which is an hour old."""
        newest = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        for row in itertools.chain.from_iterable(self.baselines.values()):
            row["max_event_timestamp"] = newest

    def apply(self, approvals: list[dict[str, Any]]) -> None:
        """Play ``feast-apply``."""
        services = [Defined(k, one, dict(self._tags[k])) for k, one in self.services.items()]
        views = [Defined(name, one, one["tags"]) for name, one in self.views.items()]
        APPROVALS.mark(services, views, approvals, "lab", lambda one: one.spec)
        for one in services:
            self.services[one.name]["tags"] = one.tags


class LabServices:
    """Plays the services of several labs, each on an address of its own."""

    def __init__(self, addresses: Sequence[str], names: Sequence[str] = ("fraud",)) -> None:
        self.addresses = list(addresses)
        self.registries = {address: Registry(names) for address in addresses}
        self.feasts = {address: Feast() for address in addresses}
        self.calls: Counter[str] = Counter()
        """By service, of all labs."""
        self.down: set[str] = set()
        """Addresses whose MLflow answers with 503."""
        self._on_write: Callable[[], None] = lambda: None
        self._runners: list[web.AppRunner] = []

    def watch_writes(self, on_write: Callable[[], None]) -> None:
        """Call on_write after each write to a registry, before it is answered."""
        self._on_write = on_write

    async def start(self) -> None:
        played = {
            "mlflow": (5000, self._mlflow()),
            "feast": (8888, self._feast()),
            "serving": (8080, self._served()),
        }
        for service, (port, routes) in played.items():
            application = web.Application(middlewares=[self._counted(service)])
            application.add_routes(routes)
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            for address in self.addresses:
                await web.TCPSite(runner, address, port).start()
            self._runners.append(runner)

    async def stop(self) -> None:
        for runner in self._runners:
            await runner.cleanup()

    def _of(self, request: web.Request) -> Registry:
        address = _address(request)
        if address in self.down:
            raise web.HTTPServiceUnavailable(text="{}", content_type="application/json")
        registry = self.registries[address]
        registry.calls += 1
        if request.method != "GET":
            registry.writes.append(f"{request.method} {request.path}")
        return registry

    def _counted(self, service: str) -> Middleware:
        @web.middleware
        async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.calls[service] += 1
            answer = await handler(request)
            if request.method != "GET" and answer.status < 300:
                self._on_write()
            return answer

        return counted

    def _mlflow(self) -> list[web.RouteDef]:
        root = "/api/2.0/mlflow"
        return [
            web.get(f"{root}/registered-models/get", self._model),
            web.get(f"{root}/model-versions/get", self._version),
            web.get(f"{root}/model-versions/search", self._search),
            web.post(f"{root}/model-versions/create", self._create),
            web.post(f"{root}/model-versions/set-tag", self._tag),
            web.post(f"{root}/registered-models/alias", self._point),
            web.delete(f"{root}/registered-models/alias", self._unpoint),
            web.get(f"{root}/runs/get", self._run),
            web.get("/api/2.0/mlflow-artifacts/artifacts/{path:.*}", self._artifact),
        ]

    async def _model(self, request: web.Request) -> web.Response:
        model = self._of(request).models.get(request.query["name"])
        if model is None:
            return _absent()
        aliases = [{"alias": k, "version": v} for k, v in model["aliases"].items()]
        body = {"name": request.query["name"], "aliases": aliases, "tags": _pairs(model["tags"])}
        return web.json_response({"registered_model": body})

    async def _version(self, request: web.Request) -> web.Response:
        model = self._of(request).models.get(request.query["name"], {"versions": {}})
        found = model["versions"].get(request.query["version"])
        return web.json_response({"model_version": _wire(found)}) if found else _absent()

    async def _search(self, request: web.Request) -> web.Response:
        match = re.fullmatch(r"name='([^']+)' and run_id='(\w+)'", request.query["filter"])
        assert match, request.query["filter"]
        versions = self._of(request).models[match[1]]["versions"].values()
        found = [_wire(one) for one in versions if one["run_id"] == match[2]]
        return web.json_response({"model_versions": found} if found else {})

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        tags = {one["key"]: one["value"] for one in body["tags"]}
        made = self._of(request).create(body["name"], body["run_id"], tags)
        return web.json_response({"model_version": _wire(made)})

    async def _tag(self, request: web.Request) -> web.Response:
        body = await request.json()
        version = self._of(request).models[body["name"]]["versions"].get(body["version"])
        if version is None:
            return _absent()
        version["tags"][body["key"]] = body["value"]
        return web.json_response({})

    async def _point(self, request: web.Request) -> web.Response:
        body = await request.json()
        model = self._of(request).models[body["name"]]
        if body["version"] not in model["versions"]:
            return _absent()
        model["aliases"][body["alias"]] = body["version"]
        return web.json_response({})

    async def _unpoint(self, request: web.Request) -> web.Response:
        aliases = self._of(request).models[request.query["name"]]["aliases"]
        aliases.pop(request.query["alias"], None)
        return web.json_response({})

    async def _run(self, request: web.Request) -> web.Response:
        found = self._of(request).runs.get(request.query["run_id"])
        return web.json_response({"run": found}) if found else _absent()

    async def _artifact(self, request: web.Request) -> web.Response:
        run_id = request.match_info["path"].split("/")[1]
        return web.Response(body=self._of(request).artifacts[run_id])

    def _served(self) -> list[web.RouteDef]:
        async def version(request: web.Request) -> web.Response:
            registry = self._of(request)
            return web.json_response({"version": registry.alias("fraud", "champion")})

        return [web.get("/version", version)]

    def _feast(self) -> list[web.RouteDef]:
        async def found(request: web.Request) -> web.Response:
            feast, name = self.feasts[_address(request)], request.match_info["name"]
            there = feast.services if "services" in request.path else feast.views
            return web.json_response({"spec": there[name]}) if name in there else _absent()

        async def measured(request: web.Request) -> web.Response:
            feast = self.feasts[_address(request)]
            return web.json_response(feast.baselines.get(request.query["feature_view_name"], []))

        kinds = ("feature_services", "feature_views")
        there = [web.get(f"/api/v1/{kind}/{{name}}", found) for kind in kinds]
        return [*there, web.get("/api/v1/monitoring/metrics/baseline", measured)]


def _address(request: web.Request) -> str:
    assert request.transport is not None
    return str(request.transport.get_extra_info("sockname")[0])


def _wire(version: dict[str, Any]) -> dict[str, Any]:
    return {**version, "tags": _pairs(version["tags"])}


def _absent() -> web.Response:
    return web.json_response({"error_code": "RESOURCE_DOES_NOT_EXIST"}, status=404)


@asynccontextmanager
async def playing(
    addresses: Sequence[str], names: Sequence[str] = ("fraud",)
) -> AsyncIterator[LabServices]:
    """Play the services on these addresses for a while; names are those of `LabServices`."""
    services = LabServices(addresses, names)
    await services.start()
    try:
        yield services
    finally:
        await services.stop()
