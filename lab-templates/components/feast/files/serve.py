"""Serves the registry, UI and REST, for reading alone: by HTTP method, and by database role.

The REST API of `feast ui` also offers writes and has no authentication of its own. Where the module
has data, its baseline is measured first: with an offline store of files, Feast's monitoring shows
what was measured where it is shown. Changes are judged by it, so nobody else may measure.
"""

import runpy
import shutil
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import feast.api.registry.rest
import feast.infra.registry.sql
import feast.ui_server  # before the wait: seconds that the others need too
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from feast import FeatureStore
from feast.cli.cli import cli
from feast.monitoring.monitoring_service import MonitoringService
from wait import wait_for_registry

repository = Path("/tmp/repository")
repository.mkdir(exist_ok=True)
shutil.copy("/etc/feast/feature_store.yaml", repository)

SAMPLES = Path("/etc/feast-samples/samples.py")


def measure() -> None:
    """Writes the data and measures it.

    It ends where the project began, whenever this starts anew: the same data, the same figures.
    """
    store = FeatureStore(repo_path=str(repository))
    began = store.get_project("lab").created_timestamp
    runpy.run_path(str(SAMPLES))["write"](Path("/data"), began)
    done = MonitoringService(store).compute_baseline(project="lab")
    print(f"feast: {done['computed_features']} features measured in {done['duration_ms']} ms")


get_app = feast.ui_server.get_app


def get_reading_app(*args: Any, **options: Any) -> FastAPI:
    """Makes Feast's application refuse whatever is not a request to read."""
    app = get_app(*args, **options)

    @app.middleware("http")
    async def only_read(
        request: Request, go_on: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return await go_on(request)
        told = {"detail": "this registry is read-only: its definitions are applied by feast-apply"}
        return JSONResponse(told, status_code=405, headers={"Allow": "GET, HEAD, OPTIONS"})

    return app


feast.ui_server.get_app = get_reading_app
wait_for_registry(project="lab")
if SAMPLES.exists():
    try:
        measure()
    except Exception:
        # The registry is worth serving without: what is not measured, monitoring does not show.
        traceback.print_exc()
cli(["--chdir", str(repository), "ui", "--host", "0.0.0.0", "--port", "8888"])
