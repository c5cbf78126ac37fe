"""The operations. Each says whose the resource is before anything of it is shown."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Query, Request
from fastapi.security import HTTPBearer
from platform_api import canary
from platform_api.backends import Backends
from platform_api.callers import Caller, Guard, Resource
from platform_api.catalog import SHARED, Catalog
from platform_api.problems import Problem
from platform_api.promotions import PromotionRequest, Promotions
from platform_api.usage import Meter

TENANTS = ("team-a", "team-b", "platform")
Limit = Annotated[int, Query(ge=1, le=100, description="Most items of one page.")]
Cursor = Annotated[str, Query(description="`next` of the page before.")]
Purpose = Annotated[str, Query(description="What personal features are read for.")]


@dataclass
class Call:
    """One call of somebody, on its way to a decision."""

    request: Request
    caller: Caller
    guard: Guard

    def permit(
        self,
        kind: str,
        tenant: str = SHARED,
        labels: Mapping[str, str] | None = None,
        purpose: str = "",
    ) -> None:
        call = self.request.method, self.request.url.path
        self.guard.permit(self.caller, call, Resource(kind, tenant, labels or {}), purpose)


def calling(request: Request, _: Annotated[Any, Depends(HTTPBearer(auto_error=False))]) -> Call:
    guard: Guard = request.app.state.guard
    caller = guard.known(request.headers.get("Authorization", ""))
    request.state.tenant = caller.tenant
    return Call(request, caller, guard)


Asking = Annotated[Call, Depends(calling)]


def page(items: list[dict[str, Any]], limit: int, cursor: str, key: str = "name") -> dict[str, Any]:
    """Cuts a page out of items, which keep their order however many there are."""
    try:
        after = base64.urlsafe_b64decode(cursor).decode()
    except ValueError as error:
        raise Problem(422, "MALFORMED", "query.cursor: take it from the page before") from error
    rest = sorted((one for one in items if one[key] > after), key=lambda one: one[key])
    last = rest[limit - 1][key] if len(rest) > limit else ""
    return {
        "items": rest[:limit],
        "next": base64.urlsafe_b64encode(last.encode()).decode() or None,
    }


class Routes:
    """What each operation does."""

    def __init__(self, backends: Backends, meter: Meter) -> None:
        self._backends, self._meter = backends, meter
        self._catalog = Catalog(backends)
        self._promotions = Promotions(self._catalog)

    def list_tenants(self, call: Asking, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
        call.permit("tenant")
        seen = [{"name": name} for name in TENANTS if call.caller.sees(name)]
        return page(seen, limit, cursor)

    def list_models(self, call: Asking, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
        call.permit("model")
        seen = [one for one in self._catalog.models() if call.caller.sees(one["tenant"])]
        return page(seen, limit, cursor)

    def get_model(self, name: str, call: Asking) -> dict[str, Any]:
        found = self._catalog.model(name)
        call.permit("model", found["tenant"])
        return found

    def run_canary(self, name: str, version: str, call: Asking) -> dict[str, Any]:
        found = self._catalog.model(name)
        call.permit("model", found["tenant"])
        chosen = next((one for one in found["versions"] if one["version"] == version), None)
        if chosen is None:
            raise Problem(404, "VERSION_UNKNOWN", f"model {name} has no version {version}")
        compared = canary.compare(self._backends, chosen["run_id"])
        return {"model": name, "version": version} | compared

    def list_features(self, call: Asking, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
        call.permit("feature")
        seen = [one for one in self._catalog.features() if call.caller.sees(one["tenant"])]
        short = [{key: one[key] for key in one if key != "fields"} for one in seen]
        return page(short, limit, cursor)

    def get_features(self, name: str, call: Asking, purpose: Purpose = "") -> dict[str, Any]:
        found = self._catalog.feature(name)
        call.permit("feature", found["tenant"], {"pii": found["pii"]}, purpose)
        return found

    def create_promotion(self, asked: PromotionRequest, call: Asking) -> dict[str, Any]:
        found = self._catalog.model(asked.model)
        call.permit("promotion", found["tenant"])
        if asked.version not in {one["version"] for one in found["versions"]}:
            text = f"model {asked.model} has no version {asked.version}"
            raise Problem(404, "VERSION_UNKNOWN", text)
        return self._promotions.create(call.caller, found["tenant"], asked)

    def list_promotions(
        self, call: Asking, limit: Limit = 50, cursor: Cursor = ""
    ) -> dict[str, Any]:
        call.permit("promotion")
        seen = [one for one in self._promotions.all() if call.caller.sees(one["tenant"])]
        return page(seen, limit, cursor, key="id")

    def get_promotion(self, promotion: str, call: Asking) -> dict[str, Any]:
        found = self._promotions.one(promotion)
        call.permit("promotion", found["tenant"] if found else SHARED)
        if found is None:
            raise Problem(404, "PROMOTION_UNKNOWN", f"there is no promotion {promotion}")
        return found

    def get_usage(self, call: Asking) -> dict[str, Any]:
        call.permit("usage")
        return self._meter.report(call.caller.sees)


class Operation(NamedTuple):
    """One line of the table below."""

    method: str
    path: str
    name: str
    summary: str
    errors: tuple[int, ...] = ()
    status: int = 200


OPERATIONS = (
    Operation("GET", "/v1/tenants", "listTenants", "List tenants"),
    Operation("GET", "/v1/models", "listModels", "List models"),
    Operation("GET", "/v1/models/{name}", "getModel", "Show a model and its versions", (404,)),
    Operation(
        "GET",
        "/v1/models/{name}/versions/{version}/canary",
        "runCanary",
        "Compare a version with production",
        (404,),
    ),
    Operation("GET", "/v1/features", "listFeatures", "List feature services"),
    Operation("GET", "/v1/features/{name}", "getFeatures", "Show a feature service", (404,)),
    Operation("POST", "/v1/promotions", "createPromotion", "Ask for a promotion", (404,), 201),
    Operation("GET", "/v1/promotions", "listPromotions", "List promotions"),
    Operation("GET", "/v1/promotions/{promotion}", "getPromotion", "Show a promotion", (404,)),
    Operation("GET", "/v1/usage", "getUsage", "Show who calls what, by minute"),
)
