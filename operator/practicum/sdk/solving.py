"""For solutions of modules: what a learner does in a lab, as a program.

    from practicum.sdk.solving import Solver

    lab = Solver.from_environment()
    lab.config_map("docs", {"plan.yaml": "..."})
    with lab.service("mlflow") as mlflow:
        runs = mlflow.call("POST", "/api/2.0/mlflow/runs/search", {...}, persona="ds")

``practicum template test`` starts ``solution/apply.py`` with the environment that this reads. What
is done, is done with the learner's own kubeconfig; ``staff`` alone acts as the instructor.
"""

import base64
import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from practicum.api.solution import Place

_TRIES: Final = 20
_PAUSE_SECONDS: Final = 0.5
_SECONDS: Final = 60


class SolutionError(Exception):
    """A step of a solution did not work; the message is what the program said."""


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: Any


@dataclass(frozen=True)
class Service:
    """A service of the lab, forwarded to this machine."""

    name: str
    url: str
    logins: list[dict[str, str]]

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        persona: str | None = None,
        expect: int | None = 200,
    ) -> Any:
        """Send one request, JSON both ways.

        Args:
            method: HTTP verb.
            path: below the service's root.
            body: JSON-able; None: none.
            persona: whose login goes with it; empty: the learner's own; None: nobody's.
            expect: the status that it has to have; None: any, and the reply is returned whole.

        Raises:
            SolutionError: another status.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)  # noqa: S310
        request.add_header("Content-Type", "application/json")
        if persona is not None:
            request.add_header("Authorization", self._authorization(persona))
        reply = _sent(request)
        if expect is None:
            return reply
        if reply.status != expect:
            raise SolutionError(f"{method} {self.name}{path}: {reply.status} {reply.body}")
        return reply.body

    def _authorization(self, persona: str) -> str:
        login = next(
            one
            for one in self.logins
            if one["service"] == self.name and one.get("persona", "") == persona
        )
        if login["kind"] == "bearer":
            return f"Bearer {login['password']}"
        pair = f"{login['username']}:{login['password']}".encode()
        return "Basic " + base64.b64encode(pair).decode()


def _sent(request: urllib.request.Request) -> Reply:
    """Send a request; what was forwarded too early is sent again."""
    for attempt in range(_TRIES):
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                return Reply(answer.status, _parsed(answer.read()))
        except urllib.error.HTTPError as error:
            return Reply(error.code, _parsed(error.read()))
        except OSError:
            if attempt == _TRIES - 1:
                raise
            time.sleep(_PAUSE_SECONDS)
    raise AssertionError("unreachable")


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode("utf-8", "replace")


class Solver:
    """A lab, and everything that its learner may do there."""

    def __init__(self, place: Place) -> None:
        """Choose the lab."""
        self._place = place
        self.lab = place.lab
        self.course = place.course
        self.namespaces = place.namespaces
        self.folder = Path(place.folder)
        """The module's."""

    @classmethod
    def from_environment(cls) -> Self:
        """Read what ``practicum template test`` says of the lab."""
        return cls(Place.from_environment())

    def kubectl(self, *arguments: str, persona: str = "", stdin: str | None = None) -> str:
        """Run kubectl as the learner, or as one of the personas.

        Raises:
            SolutionError: it failed.
        """
        context = f"{self.lab}-{persona}" if persona else self.lab
        own = ("--kubeconfig", self._place.kubeconfig, "--context", context)
        return _run(["kubectl", *own, *arguments], stdin)

    def apply(self, *objects: Mapping[str, Any], persona: str = "") -> None:
        """Apply objects."""
        body = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "-f", "-", persona=persona, stdin=json.dumps(body))

    def config_map(self, name: str, files: Mapping[str, str]) -> None:
        """Write keys of a ConfigMap of the learner's namespace; other keys stay."""
        place = ("--namespace", self.namespaces["learner"])
        if not self.kubectl("get", "configmap", name, *place, "--ignore-not-found"):
            self.kubectl("create", "configmap", name, *place)
        patch = json.dumps({"data": dict(files)})
        self.kubectl("patch", "configmap", name, *place, "--type=merge", f"--patch={patch}")

    def practicum(self, *arguments: str, accept: tuple[int, ...] = (0,)) -> str:
        """Run the practicum command as the learner.

        Raises:
            SolutionError: it ended with a code that is not accepted.
        """
        return self._practicum(self._place.kubeconfig, arguments, accept)

    def staff(self, *arguments: str) -> str:
        """Run the practicum command as the instructor."""
        return self._practicum(self._place.staff_kubeconfig, arguments, (0,))

    def _practicum(
        self, kubeconfig: str, arguments: tuple[str, ...], accept: tuple[int, ...]
    ) -> str:
        own = ("--kubeconfig", kubeconfig, "--namespace", self.course)
        command = [sys.executable, "-m", "practicum.cli", *arguments, *own]
        return _run(command, None, accept)

    @contextlib.contextmanager
    def service(self, name: str) -> Iterator[Service]:
        """Forward a service's port to this machine for a while."""
        own = ("--kubeconfig", self._place.kubeconfig, "--namespace", self.course)
        command = [sys.executable, "-m", "practicum.cli", "open", self.lab, name, *own]
        process = subprocess.Popen(  # noqa: S603
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            line = process.stdout.readline().strip()
            if not line:
                raise SolutionError(f"service {name} cannot be opened")
            host = line.split("/")[2]
            yield Service(name, f"http://{host}", self._place.logins)
        finally:
            process.terminate()
            process.wait()


def _run(command: list[str], stdin: str | None, accept: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(  # noqa: S603
        command, input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode not in accept:
        said = (done.stderr or done.stdout).strip()
        raise SolutionError(f"{' '.join(command[:12])}: exit {done.returncode}: {said}")
    return done.stdout
