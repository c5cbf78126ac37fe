"""The platform API: what tenants of the ML platform do by themselves. Yours to finish."""

from fastapi import FastAPI
from platform_api.backends import Backends


def create_app(backends: Backends | None = None) -> FastAPI:
    """Tests bring backends of their own."""
    backends = backends or Backends()
    app = FastAPI(title="Platform API", version="0.1.0")

    @app.get("/healthz", include_in_schema=False)
    def health() -> dict[str, str]:
        return {"status": "ok"}

    # Nobody asks who is calling, and everybody sees all tenants.
    @app.get("/v1/tenants", operation_id="listTenants", summary="List tenants")
    def list_tenants() -> dict[str, list[dict[str, str]]]:
        return {"items": [{"name": "team-a"}, {"name": "team-b"}]}

    return app
