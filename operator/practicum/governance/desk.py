"""Where changes are asked for, answered and followed: what the command line and the SDK share.

A desk is a lab's, and belongs to one user: the name under which something is asked or answered
is the API server's for this connection, for an admission policy compares the two.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Literal

from practicum import errors
from practicum.api.change import Action, State
from practicum.api.names import API_VERSION
from practicum.governance import place, requests
from practicum.kube.client import Kube, Object
from practicum.kube.stream import watch
from practicum.policy.floor import is_final, is_legal

Verdict = Literal["Approve", "Reject"]
_NAME_LENGTH: Final = 57
"""Six characters less than a label may have: the API server adds five of its own."""
_DENIED: Final = re.compile(r"denied request: (.+)", re.DOTALL)
_VERBS: Final = {
    Action.PROMOTE_MODEL: "promote",
    Action.ROLLBACK_MODEL: "rollback",
    Action.APPROVE_FEATURES: "approve-features",
    Action.RELEASE_POLICY: "release-policy",
}


@dataclass(frozen=True)
class Ask:
    """What is asked for; empty texts are left out."""

    action: Action
    target: str
    """Registered model, feature service or policy package."""
    reason: str
    version: str = ""
    alias: str = ""
    within: str = ""
    """After how long without an answer it expires, as Go writes durations; empty: a day."""
    name: str = ""
    """Name of the ChangeRequest; empty: one is made from action and target."""

    def body(self, namespace: str, requester: str) -> Object:
        """Return the ChangeRequest."""
        target = {"name": self.target, "version": self.version, "alias": self.alias}
        spec: Object = {
            "action": str(self.action),
            "target": {key: value for key, value in target.items() if value},
            "requester": requester,
            "reason": self.reason,
        }
        if self.within:
            spec["answerWithin"] = self.within
        readable = f"{_VERBS[self.action]}-{self.target}-{self.version}"
        return _object("ChangeRequest", namespace, self.name, readable, spec)


class Desk:
    """A lab's requests, as one user sees and makes them."""

    def __init__(self, kube: Kube, where: place.Place) -> None:
        """Choose the user, by the connection, and the lab."""
        self.kube = kube
        self.where = where

    async def requests(self) -> list[Object]:
        """Return all requests, oldest first."""
        found = await self.kube.list("ChangeRequest", self.where.namespace)
        return sorted(found, key=_age)

    async def request(self, name: str) -> Object:
        """Return one request.

        Raises:
            ChangeError: NoSuchRequest.
        """
        try:
            return await self.kube.get("ChangeRequest", self.where.namespace, name)
        except errors.NotFound as error:
            if "could not find" in str(error):
                raise
            text = f"request {name} not found in lab {self.where.lab.name}"
            raise errors.ChangeError("NoSuchRequest", text) from error

    async def ask(self, ask: Ask) -> Object:
        """Make a request, under the name that this user really has.

        Raises:
            Forbidden: this user may not; the message is the policy's.
            Invalid: the API server does not take it; the message names the field.
            Conflict: the name is taken.
        """
        return await self._create(ask.body(self.where.namespace, await place.username(self.kube)))

    async def answer(self, request: Object, verdict: Verdict, comment: str = "") -> Object:
        """Answer a request as it was read: what counts is the evidence that is in it.

        Returns:
            the ChangeApproval.

        Raises:
            ChangeError: NoEvidence, EvidenceAltered, or RequestOver.
            Forbidden: this user may not; the message is the policy's.
        """
        name = str(request["metadata"]["name"])
        if is_final(requests.state(request)):
            text = f"request {name} is {requests.state(request)}: there is nothing to answer"
            raise errors.ChangeError("RequestOver", text)
        digest, _ = requests.evidence(request)
        spec: Object = {
            "request": name,
            "verdict": verdict,
            "approver": await place.username(self.kube),
            "evidenceDigest": digest,
        }
        if comment:
            spec["comment"] = comment
        readable = f"{name}-{verdict.lower()}"
        return await self._create(
            _object("ChangeApproval", self.where.namespace, "", readable, spec)
        )

    async def withdraw(self, name: str) -> Object:
        """Take a request back.

        Raises:
            ChangeError: NoSuchRequest, or RequestOver when it is too late.
            Forbidden: it is somebody else's; the message is the policy's.
        """
        request = await self.request(name)
        state = requests.state(request)
        if state is not State.WITHDRAWN and not is_legal(state, State.WITHDRAWN):
            text = f"request {name} is {state}: it is too late to take it back"
            raise errors.ChangeError("RequestOver", text)
        try:
            return await self.kube.merge_patch(
                "ChangeRequest", self.where.namespace, name, {"spec": {"withdrawn": True}}
            )
        except (errors.Forbidden, errors.Invalid) as error:
            raise _plainly(error, f"take back request {name}: its requester may") from error

    async def follow(self, name: str) -> AsyncGenerator[Object]:
        """Yield a request as it is now and after every change; ends when it is deleted.

        Raises:
            ChangeError: NoSuchRequest, if it was not there in the first place.
        """
        await self.request(name)
        stream = watch(self.kube, "ChangeRequest", self.where.namespace, name)
        async with aclosing(stream) as events:
            async for event in events:
                if event.type == "DELETED":
                    return
                if event.type != "RESET":
                    yield event.object

    async def wait(
        self,
        name: str,
        seconds: float | None,
        *,
        answer: str = "",
        show: Callable[[Object], Any] = lambda _: None,
    ) -> Object:
        """Follow a request until a person is needed or it is over.

        Args:
            name: the request.
            seconds: how long at most; None: for ever.
            answer: name of a ChangeApproval that has to be counted first.
            show: called with every state of it, the last one included.

        Raises:
            ChangeError: TimedOut, NoSuchRequest, or RequestDeleted meanwhile.
        """
        try:
            async with asyncio.timeout(seconds), aclosing(self.follow(name)) as bodies:
                async for body in bodies:
                    show(body)
                    whose = requests.turn(body)
                    if whose is not requests.Turn.OPERATOR and requests.answered(body, answer):
                        return body
        except TimeoutError:
            text = f"request {name} is still with the operator after {seconds:g} seconds"
            raise errors.ChangeError("TimedOut", text) from None
        raise errors.ChangeError("RequestDeleted", f"request {name} was deleted meanwhile")

    async def _create(self, body: Object) -> Object:
        try:
            return await self.kube.create(body)
        except (errors.Forbidden, errors.Invalid) as error:
            what = f"make a {body['kind']} in lab {self.where.lab.name}: its personas may"
            raise _plainly(error, what) from error


def _object(kind: str, namespace: str, name: str, readable: str, spec: Object) -> Object:
    slug = re.sub(r"[^a-z0-9]+", "-", readable.lower()).strip("-")[:_NAME_LENGTH].strip("-")
    called = {"name": name} if name else {"generateName": f"{slug}-"}
    metadata = {"namespace": namespace, **called}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _plainly(error: errors.ApiError, what: str) -> errors.ApiError:
    """Return a refusal in the words of the policy that refused, without how it got there."""
    if found := _DENIED.search(str(error)):
        return type(error)(error.status, "PolicyDenied", found[1].strip())
    if "status unknown for quota" in str(error):
        text = (
            "the cluster's quotas do not count this kind yet, which takes up to five minutes after "
            "an installation: try again"
        )
        return errors.Forbidden(error.status, "QuotaNotCounted", text)
    if isinstance(error, errors.Forbidden) and " cannot " in str(error):
        who = re.search(r'User "([^"]+)"', str(error))
        text = f"{who[1] if who else 'this user'} may not {what}"
        return errors.Forbidden(error.status, "NotAPersona", text)
    return error


def _age(body: Object) -> tuple[str, str]:
    return body["metadata"].get("creationTimestamp", ""), body["metadata"]["name"]
