"""Only ``kube/`` opens connections: what a lab serves, be it a redirect or endless, has no reader.

The operator speaks to the API server, and knocks at the ports of its own network probe. Whoever
adds an HTTP client elsewhere has to say here how it is held to DESIGN's bounds: no redirects, at
most 64 KiB, 5 seconds, a backend that is a pod of the lab.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import samples

PACKAGE = samples.ROOT / "operator/practicum"
CLIENTS = {
    *("aiohttp", "httpx", "requests", "urllib3", "websockets", "grpc", "pycurl", "paramiko"),
    *("http.client", "urllib.request", "ftplib", "smtplib", "telnetlib", "xmlrpc.client"),
    *("socket", "ssl", "asyncio.streams", "kubernetes", "kubernetes_asyncio", "pykube"),
}
CALLS = {
    *("open_connection", "open_unix_connection", "create_connection", "create_datagram_endpoint"),
    *("sock_connect", "urlopen", "urlretrieve"),
}
ALLOWED = {
    "__main__.py": {"socket"},
    "archives/calls.py": {"http.client"},
    "governance/http.py": {"aiohttp"},
    "sdk/services.py": {"urllib.request", "urlopen"},
}
"""The leader's identity is the host's name; what asks labs' services keeps the bounds itself, and
solutions of modules are run by their authors, at ports that are forwarded to their machine. What
asks porters of archives is a pod of its own, without a token of the API server."""


def outward(tree: ast.AST) -> Iterator[str]:
    """Yield every client that a module imports, and every call that opens a connection."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (hit for one in names if (hit := client(one.name)))
            case ast.ImportFrom(module=str(module), names=names, level=0):
                for one in names:
                    if hit := client(f"{module}.{one.name}"):
                        yield hit
            case ast.Attribute(attr=attr) if attr in CALLS:
                yield attr
            case ast.Name(id=name) if name in CALLS:
                yield name


def client(name: str) -> str:
    """Return the client library that a dotted name belongs to, if it does."""
    parts = name.split(".")
    prefixes = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return next(iter(sorted(prefixes & CLIENTS)), "")


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent.name != "kube")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_outside_kube_opens_a_connection(path: Path) -> None:
    found = set(outward(ast.parse(path.read_text(encoding="utf-8"))))
    assert found - ALLOWED.get(str(path.relative_to(PACKAGE)), set()) == set()


def test_the_host_name_is_all_that_is_wanted_of_the_exception() -> None:
    tree = ast.parse((PACKAGE / "__main__.py").read_text(encoding="utf-8"))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "socket"
    }
    assert used == {"gethostname"}


@pytest.mark.parametrize(
    "code",
    [
        "import aiohttp",
        "import aiohttp.web as web",
        "from urllib import request",
        "from urllib.request import urlopen",
        "import http.client",
        "from http import client",
        "from kubernetes.aio import client",
        "import socket as s",
        "async def f():\n    await asyncio.open_connection('x', 1)",
        "loop.create_connection(print)",
    ],
)
def test_the_search_finds_what_it_looks_for(code: str) -> None:
    assert list(outward(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["from urllib.parse import quote", "import http", "from practicum.kube import client"]
)
def test_the_search_finds_no_more(code: str) -> None:
    assert list(outward(ast.parse(code))) == []


def test_in_kube_only_the_probe_goes_past_the_api_server() -> None:
    """``reach`` reads nothing; all else is given a path below the API server's own address."""
    raw = {
        path.name
        for path in (PACKAGE / "kube").glob("*.py")
        if any(
            isinstance(node, ast.Attribute) and node.attr in CALLS
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    }
    assert raw == {"reach.py"}
    text = (PACKAGE / "kube/reach.py").read_text(encoding="utf-8")
    assert not {"read", "readline", "readuntil", "write"} & {
        node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)
    }
