"""A lab's API server in memory, for what asks for governed changes and answers them."""

import base64
import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import pytest

from practicum import clock, errors
from practicum.api.canonical import canonical
from practicum.api.names import AUDIT_LOG, AUDIT_NAMESPACE, LAB_UID
from practicum.governance import desk
from practicum.kube import person
from practicum.kube.stream import Event
from tests import samples

Object = dict[str, Any]
COURSE, LAB, SPACE = "course-a", "ada", "lab-ada-1a2b3c"
NOW = datetime(2026, 11, 21, 13, 0, tzinfo=UTC)
DOCUMENT = {"model": {"name": "fraud", "version": "2", "auc": 0.91}, "tags": []}


def username(persona: str) -> str:
    return f"system:serviceaccount:{COURSE}:{LAB}.{persona}"


def evidence(document: Any = DOCUMENT) -> Object:
    text = canonical(document)
    made = hashlib.sha256(text.encode()).hexdigest()
    return {"digest": made, "gatheredAt": "2026-11-21T12:31:00Z", "document": text}


def request(name: str = "promote-fraud-2", state: str = "", **status: Any) -> Object:
    """Return a ChangeRequest; ``withdrawn`` goes into its spec."""
    spec = {
        "action": "PromoteModel",
        "target": {"name": "fraud", "version": "2"},
        "requester": username("ds"),
        "reason": "better recall",
        "withdrawn": status.pop("withdrawn", False),
    }
    return {
        "apiVersion": "practicum.dev/v1alpha1",
        "kind": "ChangeRequest",
        "metadata": {
            "name": name,
            "namespace": SPACE,
            "uid": f"uid-of-{name}",
            "creationTimestamp": "2026-11-21T12:30:00Z",
            "resourceVersion": "7",
        },
        "spec": spec,
        "status": status | ({"state": state} if state else {}),
    }


def waiting(name: str = "promote-fraud-2", **status: Any) -> Object:
    """Return a request that waits for approval."""
    known = {
        "approvals": "0/2",
        "message": "waits for role risk-reviewer",
        "evidence": evidence(),
        "expiresAt": "2026-11-22T12:30:00Z",
    }
    return request(name, "AwaitingApproval", **known | status)


def lab(name: str = LAB, **status: Any) -> Object:
    return {
        "kind": "LabEnvironment",
        "metadata": {"name": name, "namespace": COURSE, "uid": samples.UID},
        "spec": {"template": "mod-506", "ttl": "8h"},
        "status": {"namespaces": [SPACE, f"{SPACE}-platform"]} | status,
    }


def segment(uid: str, number: int, records: Sequence[Object]) -> Object:
    """Return a part of a lab's audit log."""
    return {
        "kind": "ConfigMap",
        "metadata": {
            "name": f"audit-{uid}-{number:06}",
            "namespace": AUDIT_NAMESPACE,
            "labels": {AUDIT_LOG: "segment", LAB_UID: uid},
        },
        "data": {f"{record['seq']:08}": canonical(record) for record in records},
    }


def credentials(*personas: str) -> Object:
    tokens = {f"{LAB}.{who}": {"token": f"token-of-{who}"} for who in ("learner", *personas)}
    text = base64.b64encode(json.dumps(tokens).encode()).decode()
    return {
        "kind": "Secret",
        "metadata": {"name": f"{LAB}-credentials", "namespace": COURSE},
        "data": {"tokens.json": text},
    }


class Cluster:
    """Objects, who may do what, and what was done."""

    def __init__(self, *objects: Object) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.made: list[Object] = []
        self.patched: list[tuple[str, Object]] = []
        self.refusals: dict[tuple[str, str], errors.ApiError] = {}
        """By verb and kind."""
        self.future: list[Object] = []
        """What a watch tells after what is there already."""
        for body in objects:
            self.put(body)

    def put(self, body: Object) -> None:
        meta = body["metadata"]
        self.objects[body["kind"], meta.get("namespace", ""), meta["name"]] = body


def _fits(body: Object, selector: str) -> bool:
    """Whether an object has all labels of a selector that names them, or gives their values."""
    own = body["metadata"].get("labels", {})
    wanted = [part.partition("=") for part in selector.split(",") if part]
    return all(own.get(key) == value if sign else key in own for key, sign, value in wanted)


def _selected(body: Object, selector: str) -> bool:
    """Whether a field selector of one field takes an object."""
    path, _, value = selector.partition("=")
    found: Any = body
    for part in path.split(".") if path else ():
        found = found.get(part, {})
    return not path or found == value


class FakeKube:
    """One user's connection."""

    server = "https://cluster.example:6443"
    skew = timedelta(0)

    def __init__(self, cluster: Cluster, user: str) -> None:
        self.cluster, self.user, self.closed = cluster, user, False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        self.closed = True

    def _check(self, verb: str, kind: str) -> None:
        assert not self.closed
        if refusal := self.cluster.refusals.get((verb, kind)):
            raise refusal

    async def get(self, kind: str, namespace: str, name: str) -> Object:
        self._check("get", kind)
        try:
            return self.cluster.objects[kind, namespace, name]
        except KeyError:
            raise errors.NotFound(404, "NotFound", f'{kind} "{name}" not found') from None

    async def find(self, kind: str, namespace: str, name: str) -> Object | None:
        try:
            return await self.get(kind, namespace, name)
        except errors.NotFound:
            return None

    async def list(
        self, kind: str, namespace: str = "", labels: str = "", *, fields: str = ""
    ) -> list[Object]:
        self._check("list", kind)
        return [
            body
            for (one, where, _), body in self.cluster.objects.items()
            if one == kind
            and (not namespace or where == namespace)
            and _fits(body, labels)
            and _selected(body, fields)
        ]

    async def pages(
        self, kind: str, namespace: str = "", labels: str = "", *, size: int
    ) -> AsyncIterator[tuple[Sequence[Object], str]]:
        found = await self.list(kind, namespace, labels)
        for start in range(0, len(found), size):
            yield found[start : start + size], "1"

    async def create(self, body: Object) -> Object:
        if body["kind"] == "SelfSubjectReview":
            self._check("create", "SelfSubjectReview")
            return {"status": {"userInfo": {"username": self.user}}}
        self._check("create", body["kind"])
        meta = {"creationTimestamp": "2026-11-21T13:00:00Z", **body["metadata"]}
        meta.setdefault("name", f"{meta.pop('generateName', '')}x7k2q")
        made = {**body, "metadata": meta}
        self.cluster.made.append(made)
        self.cluster.put(made)
        return made

    async def merge_patch(self, kind: str, namespace: str, name: str, patch: Object) -> Object:
        self._check("patch", kind)
        self.cluster.patched.append((self.user, patch))
        body = await self.get(kind, namespace, name)
        body["spec"] |= patch["spec"]
        return body


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(lab(), credentials("ds", "reviewer-risk"))


@pytest.fixture
def connected(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Have every connection made to the cluster; whoever connects is the learner at first."""

    async def connect(kubeconfig: Any = None, context: Any = None) -> person.Connection:
        del kubeconfig, context
        kube: Any = FakeKube(cluster, username("learner"))
        return person.Connection(kube, COURSE, SPACE)

    def bearer(kube: Any, token: str) -> Any:
        del kube
        return FakeKube(cluster, username(token.removeprefix("token-of-")))

    async def watch(kube: Any, kind: str, namespace: str, name: str) -> AsyncGenerator[Event]:
        yield Event("RESET", {})
        yield Event("ADDED", await kube.get(kind, namespace, name))
        async for body in _each(cluster.future):
            if not body:
                yield Event("DELETED", {})
                return
            cluster.put(body)
            yield Event("MODIFIED", body)

    monkeypatch.setattr(person, "connect", connect)
    monkeypatch.setattr(person, "bearer", bearer)
    monkeypatch.setattr(person, "server_of", lambda *_: "")
    monkeypatch.setattr(desk, "watch", watch)
    monkeypatch.setattr(clock, "utcnow", lambda: NOW)
    return cluster


async def _each(bodies: list[Object]) -> AsyncIterator[Object]:
    for body in bodies:
        yield body
