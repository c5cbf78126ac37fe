"""The platform API: what tenants of the ML platform do by themselves.

Every call is of somebody, is decided on by policy, and is counted, whatever becomes of it.
"""

import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from platform_api import problems
from platform_api.backends import BackendError, Backends
from platform_api.callers import Caller, Guard, table
from platform_api.problems import Problem, documented
from platform_api.routes import OPERATIONS, Routes
from platform_api.usage import Meter


def create_app(
    backends: Backends | None = None, tokens: Mapping[str, Caller] | None = None
) -> FastAPI:
    """Tests bring backends and tokens of their own."""
    backends = backends or Backends()
    if tokens is None:
        tokens = table(Path(os.environ.get("TOKENS_FILE", "/etc/tokens/tokens.json")))
    meter = Meter()
    app = FastAPI(
        title="Platform API",
        version="1.0.0",
        description="Self-service for the tenants of the ML platform.",
        exception_handlers={
            Problem: problems.told,
            RequestValidationError: problems.malformed,
            BackendError: unavailable,
        },
    )
    app.state.guard = Guard(tokens, backends, meter)
    count(app, meter)
    routes = Routes(backends, meter)
    for one in OPERATIONS:
        app.add_api_route(
            one.path,
            getattr(routes, re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", one.name)),
            methods=[one.method],
            operation_id=one.name,
            summary=one.summary,
            tags=[one.path.split("/")[2]],
            status_code=one.status,
            responses=documented(401, 403, 422, 429, 503, *one.errors),
        )
    return app


async def unavailable(_: Request, error: Exception) -> Response:
    service = str(error).partition(":")[0]
    return problems.answer(Problem(503, "BACKEND_UNAVAILABLE", f"{service} is away").body)


def count(app: FastAPI, meter: Meter) -> None:
    """Has every call of an operation counted, and the counts shown to Prometheus."""

    @app.middleware("http")
    async def counting(
        request: Request, go_on: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        began = time.perf_counter()
        response = await go_on(request)
        name = getattr(request.scope.get("route"), "operation_id", None)
        if name:
            tenant = getattr(request.state, "tenant", "nobody")
            meter.record(tenant, name, response.status_code, time.perf_counter() - began)
        return response

    @app.get("/healthz", include_in_schema=False)
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(meter.metrics(), media_type="text/plain; version=0.0.4")
