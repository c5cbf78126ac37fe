"""The platform's SDK and command line."""

import json
import sys
import urllib.error
import urllib.request
from urllib.parse import urlencode


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
        return self._items("/v1/tenants")

    def models(self, tenant: str | None = None) -> list[dict]:
        return self._items("/v1/models", **({"tenant": tenant} if tenant else {}))

    def _items(self, path: str, **query: str) -> list[dict]:
        url = f"{self.url}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            with urllib.request.urlopen(url, timeout=self.timeout) as answer:
                return json.load(answer)["items"]
        except urllib.error.HTTPError as error:
            raise _problem(error) from None
        except OSError as error:
            raise PlatformError(0, "UNREACHABLE", f"{self.url} does not answer: {error}") from error


def _problem(answer: urllib.error.HTTPError) -> PlatformError:
    try:
        said = json.load(answer)["error"]
        return PlatformError(answer.code, said["code"], said["message"])
    except (ValueError, LookupError, TypeError):
        return PlatformError(answer.code, "UNKNOWN", f"answered {answer.code}")


def main(arguments: list[str]) -> int:
    """URL tenants | URL models [TENANT]: JSON on stdout; 1 and a line on stderr where it fails."""
    if len(arguments) < 2 or arguments[1] not in ("tenants", "models"):
        print("usage: platform_client URL tenants | models [TENANT]", file=sys.stderr)
        return 1
    client = PlatformClient(arguments[0])
    try:
        found = getattr(client, arguments[1])(*arguments[2:3])
    except PlatformError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
