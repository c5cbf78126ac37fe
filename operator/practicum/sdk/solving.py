"""For solutions of modules: what a learner does in a lab, as a program.

    from practicum.sdk.solving import Solver

    lab = Solver.from_environment()
    lab.config_map("docs", {"plan.yaml": "..."})
    with lab.service("mlflow") as mlflow:
        runs = mlflow.call("POST", "/api/2.0/mlflow/runs/search", {...}, persona="ds")

``practicum template test`` starts ``solution/apply.py`` with the environment that this reads. What
is done, is done with the learner's own kubeconfig; only ``staff``, ``attest`` and ``rate`` act as
the course's staff.
"""

import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

from practicum.api.change import Action, State
from practicum.api.labtemplate import LEARNER
from practicum.api.names import API_VERSION
from practicum.api.solution import Place
from practicum.sdk import services
from practicum.sdk.services import Reply, Service, SolutionError

__all__ = ["Reply", "Service", "SolutionError", "Solver", "as_yaml", "awaited", "counted", "files"]

_PAUSE_SECONDS: Final = 1.0
_EXECUTED: Final = (State.EXECUTED, State.ROLLED_BACK)
"""What was rolled back was executed before."""
_REFUSED: Final = (State.DENIED, State.REJECTED)
_WHOLE: Final = ("--score", "whole=4/5", "--passed")


def as_yaml(document: Any) -> str:
    """Return a document as a learner's file: JSON is YAML, and dates stay what they look like."""
    return json.dumps(document, indent=1, default=str)


def files(folder: Path, pattern: str = "*") -> dict[str, str]:
    """Return the files of a folder, by name."""
    return {path.name: path.read_text("utf-8") for path in sorted(folder.glob(pattern))}


def awaited(what: str, look: Callable[[], Any], seconds: float = 240) -> Any:
    """Look until there is something, as somebody does who waits for it; return that.

    As long as the kubelet may take to bring a ConfigMap into a pod, twice over.

    Raises:
        SolutionError: it did not come about in time.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise SolutionError(f"{what} did not come about within {seconds:.0f} s")
        time.sleep(_PAUSE_SECONDS)
    return found


def counted(requests: Collection[Any]) -> dict[str, int]:
    """Count ChangeRequests: all, those that were executed or refused, and rollbacks."""
    done = [one for one in requests if one["status"]["state"] in _EXECUTED]
    return {
        "requests": len(requests),
        "executed": len(done),
        "refused": sum(one["status"]["state"] in _REFUSED for one in requests),
        "rollbacks": sum(one["spec"]["action"] == Action.ROLLBACK_MODEL for one in done),
    }


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

    def get(self, *what: str, side: str = LEARNER, persona: str = "") -> Any:
        """Read an object of a side, or a list of them."""
        place = ("--namespace", self.namespaces[side], "--output=json")
        return json.loads(self.kubectl("get", *what, *place, persona=persona))

    def find(self, kind: str, name: str, side: str = LEARNER) -> Any:
        """Read an object of a side; None: there is none of that name."""
        place = ("--namespace", self.namespaces[side], "--output=json")
        told = self.kubectl("get", kind, name, *place, "--ignore-not-found")
        return json.loads(told) if told else None

    def apply(self, *objects: Mapping[str, Any], persona: str = "") -> None:
        """Apply objects."""
        body = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "-f", "-", persona=persona, stdin=json.dumps(body))

    def config_map(self, name: str, files: Mapping[str, str]) -> None:
        """Write keys of a ConfigMap of the learner's namespace; other keys stay."""
        place = ("--namespace", self.namespaces[LEARNER])
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

    def ask(
        self,
        *what: str,
        name: str,
        persona: str,
        reason: str = "",
        accept: tuple[int, ...] = (0, 1),
    ) -> None:
        """Ask for a change, and wait for people or the end; a refusal is an answer too.

        Args:
            what: such as ``"promote", "fraud-dev", "--version", "2"``.
            name: of the ChangeRequest.
            persona: who asks.
            reason: empty: its name.
            accept: 0 where nobody refuses, 1 where somebody does.
        """
        about = ("--name", name, "--reason", reason or name, "--as", persona, "--wait")
        self._change("request", *what, *about, accept=accept)

    def approve(self, name: str, *personas: str, wait: bool = True) -> None:
        """Approve a change as personas, one after the other."""
        for persona in personas:
            self._change("approve", name, "--as", persona, *(["--wait"] if wait else []))

    def roll_back(self, model: str, *, reason: str, persona: str) -> None:
        """Take a model back to its version before."""
        words = ("--reason", reason, "--as", persona, "--wait", "--lab", self.lab)
        self.practicum("rollback", model, *words)

    def change(self, name: str, *, accept: tuple[int, ...] = (0,)) -> Any:
        """Return a ChangeRequest; 1 is to be accepted where it may have been refused."""
        return json.loads(self._change("status", name, "--output=json", accept=accept))

    def changes(self) -> list[Any]:
        """Return all ChangeRequests, oldest first."""
        return list(json.loads(self._change("list", "--output=json"))["items"])

    def participation(self) -> list[dict[str, Any]]:
        """Count who asked for changes and who answered: persona, requests and answers."""
        requests, answers = self.changes(), self.get("changeapprovals")["items"]
        asked = Counter(_persona(one["spec"]["requester"]) for one in requests)
        answered = Counter(_persona(one["spec"]["approver"]) for one in answers)
        return [
            {"persona": one, "requests": asked[one], "answers": answered[one]}
            for one in sorted(asked.keys() | answered.keys())
        ]

    def _change(self, *words: str, accept: tuple[int, ...] = (0,)) -> str:
        return self.practicum("change", *words, "--lab", self.lab, accept=accept)

    def login(self, service: str, persona: str = "") -> dict[str, str]:
        """Return a login at a service: a persona's, or the learner's own."""
        return services.login(self._place.logins, service, persona)

    def staff(self, *arguments: str) -> str:
        """Run the practicum command as the instructor."""
        return self._practicum(self._place.staff_kubeconfig, arguments, (0,))

    def attest(self, *subjects: str) -> None:
        """Rate what was done, as the instructor: well done."""
        for subject in subjects:
            self.staff("attest", self.lab, subject, *_WHOLE)

    @contextlib.contextmanager
    def raters(self, *people: str) -> Iterator[None]:
        """Have others in the course for a while who may ``rate``."""
        binding = f"{self.lab}-raters"
        users = [f"--user={one}" for one in people]
        role = "--clusterrole=practicum-instructor"
        self._as_staff("create", "rolebinding", binding, role, *users)
        try:
            yield
        finally:
            self._as_staff("delete", "rolebinding", binding)

    def rate(self, subject: str, rater: str, **scores: tuple[int, int]) -> None:
        """Rate what was done as one of the raters: points, of how many, by criterion."""
        rubric = [
            {"criterion": name, "score": score, "max": most}
            for name, (score, most) in scores.items()
        ]
        spec = {"lab": self.lab, "subject": subject, "rubric": rubric, "passed": True}
        body = {
            "apiVersion": API_VERSION,
            "kind": "Attestation",
            "metadata": {"generateName": f"{self.lab}-{subject}-"},
            "spec": {**spec, "rater": rater},
        }
        self._as_staff("create", "--as", rater, "-f", "-", stdin=json.dumps(body))

    def _as_staff(self, *arguments: str, stdin: str | None = None) -> None:
        own = ("--kubeconfig", self._place.staff_kubeconfig, "--namespace", self.course)
        _run(["kubectl", *own, *arguments], stdin)

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


def _persona(username: str) -> str:
    return username.rpartition(".")[2]


def _run(command: list[str], stdin: str | None, accept: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(  # noqa: S603
        command, input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode not in accept:
        said = (done.stderr or done.stdout).strip()
        raise SolutionError(f"{' '.join(command[:12])}: exit {done.returncode}: {said}")
    return done.stdout
