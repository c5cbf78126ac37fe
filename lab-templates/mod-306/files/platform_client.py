"""The platform's SDK and command line, as they were begun."""


class PlatformError(Exception):
    """What the platform answered instead: a status and a code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class PlatformClient:
    """One platform."""

    def __init__(self, url: str, timeout: float = 5) -> None:
        self.url, self.timeout = url.rstrip("/"), timeout

    def tenants(self) -> list[dict]:
        raise NotImplementedError

    def models(self, tenant: str | None = None) -> list[dict]:
        raise NotImplementedError


def main(arguments: list[str]) -> int:
    """URL tenants | URL models [TENANT]: JSON on stdout; 1 and a line on stderr where it fails."""
    raise NotImplementedError
