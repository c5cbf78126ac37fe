"""What the platform's interface answers: two routes of version 1, and version 0 on its way out."""

from typing import Any
from urllib.parse import urlencode

from server import Problem, Query, Routes, registry, serve, tenants

OLD = {
    "Deprecation": "@1793491200",
    "Sunset": "Thu, 01 Jul 2027 00:00:00 GMT",
    "Link": '</v1/tenants>; rel="successor-version"',
}


def names(_: Query) -> Any:
    return [one["name"] for one in tenants()]


def described(_: Query) -> Any:
    return {"items": tenants()}


def models(query: Query) -> Any:
    known = {one["name"] for one in tenants()}
    if query.get("tenant", "") not in {"", *known}:
        raise Problem(404, "TENANT_UNKNOWN", f"there is no tenant {query['tenant']}")
    asked = urlencode({"max_results": 100})
    found = registry(f"registered-models/search?{asked}").get("registered_models", [])
    items = [model(one) for one in found]
    return {"items": [one for one in items if query.get("tenant", "") in ("", one["tenant"])]}


def model(found: dict[str, Any]) -> dict[str, Any]:
    tags = {one["key"]: one["value"] for one in found.get("tags", [])}
    aliases = {one["alias"]: one["version"] for one in found.get("aliases", [])}
    return {
        "name": found["name"],
        "tenant": tags.get("tenant", ""),
        "tier": tags.get("tier", ""),
        "champion": aliases.get("champion"),
    }


def openapi(_: Query) -> Any:
    listed = {"200": {"description": "A list of items"}}
    wrong = {"404": {"description": "error.code says what is not there"}}
    away = {"502": {"description": "MLflow does not answer"}}
    tenant = {"name": "tenant", "in": "query", "schema": {"type": "string"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Platform API", "version": "1.0.0"},
        "paths": {
            "/v0/tenants": {"get": {"deprecated": True, "responses": listed}},
            "/v1/tenants": {"get": {"summary": "Tenants, quota and cost", "responses": listed}},
            "/v1/models": {
                "get": {
                    "summary": "Models by tenant, and the version in production",
                    "parameters": [tenant],
                    "responses": {**listed, **wrong, **away},
                }
            },
        },
    }


ROUTES: Routes = {
    "/v0/tenants": (names, OLD),
    "/v1/tenants": (described, {}),
    "/v1/models": (models, {}),
    "/openapi.json": (openapi, {}),
}

if __name__ == "__main__":
    serve(ROUTES)
