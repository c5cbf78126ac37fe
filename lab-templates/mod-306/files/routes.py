"""What the platform's interface answers: /v0 is in use, /v1 does not exist yet."""

from typing import Any

from server import Query, Routes, serve, tenants


def names(_: Query) -> Any:
    return [one["name"] for one in tenants()]


ROUTES: Routes = {
    "/v0/tenants": (names, {}),
}

if __name__ == "__main__":
    serve(ROUTES)
