"""The platform API from Python. Yours to finish."""

from collections.abc import Iterator
from typing import Any

import httpx


class Client:
    """The platform as one caller."""

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, transport=transport, timeout=30)

    def tenants(self) -> Iterator[dict[str, Any]]:
        """Tenants that the caller may see."""
        yield from self._http.get("/v1/tenants").raise_for_status().json()["items"]
