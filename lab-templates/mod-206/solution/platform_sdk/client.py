"""The platform API from Python: pages are followed, and errors say what to do."""

from collections.abc import Iterator
from typing import Any

import httpx


class PlatformError(Exception):
    """The platform refused, or could not be reached; ``status`` is 0 for the latter."""

    def __init__(self, status: int, code: str, detail: str, control: str = "") -> None:
        by = f", by {control}" if control else ""
        super().__init__(f"{status} {code}: {detail}{by}")
        self.status, self.code, self.control = status, code, control


class Client:
    """The platform as one caller."""

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, transport=transport, timeout=30)

    def tenants(self) -> Iterator[dict[str, Any]]:
        """Tenants that the caller may see."""
        return self._pages("/v1/tenants")

    def models(self, page_size: int = 50) -> Iterator[dict[str, Any]]:
        """Models of the caller's tenant."""
        return self._pages("/v1/models", limit=page_size)

    def model(self, name: str) -> Any:
        return self._call("GET", f"/v1/models/{name}")

    def canary(self, name: str, version: str) -> Any:
        """How a version compares with production."""
        return self._call("GET", f"/v1/models/{name}/versions/{version}/canary")

    def features(self) -> Iterator[dict[str, Any]]:
        return self._pages("/v1/features")

    def feature(self, name: str, purpose: str = "") -> Any:
        return self._call("GET", f"/v1/features/{name}", params={"purpose": purpose})

    def promote(self, model: str, version: str, reason: str) -> Any:
        """Asks for a promotion; ``next`` of the answer says how it goes on."""
        asked = {"model": model, "version": version, "reason": reason}
        return self._call("POST", "/v1/promotions", json=asked)

    def promotions(self) -> Iterator[dict[str, Any]]:
        return self._pages("/v1/promotions")

    def promotion(self, name: str) -> Any:
        return self._call("GET", f"/v1/promotions/{name}")

    def usage(self) -> Any:
        return self._call("GET", "/v1/usage")

    def _pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        while True:
            page = self._call("GET", path, params=query)
            yield from page["items"]
            if not page.get("next"):
                return
            query["cursor"] = page["next"]

    def _call(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._http.request(method, path, **more)
        except httpx.HTTPError as error:
            raise PlatformError(0, "UNREACHABLE", str(error)) from error
        try:
            body = answer.json()
        except ValueError as error:
            raise PlatformError(answer.status_code, "NOT_JSON", answer.text[:200]) from error
        if answer.is_error:
            said = body if isinstance(body, dict) else {}
            code, detail = said.get("code", "ERROR"), said.get("detail", "")
            raise PlatformError(answer.status_code, code, str(detail), said.get("control", ""))
        return body
