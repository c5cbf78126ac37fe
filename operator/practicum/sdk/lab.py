"""A lab as a program deals with it: one connection, one user, the changes asked for in it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from practicum.api.change import Action
from practicum.governance import place
from practicum.governance.acting import acting
from practicum.governance.desk import Ask, Desk, Verdict
from practicum.kube import person
from practicum.kube.client import Object
from practicum.sdk import types
from practicum.sdk.background import Background
from practicum.sdk.types import Change

_ACTIONS: Final = {
    "promote": Action.PROMOTE_MODEL,
    "rollback": Action.ROLLBACK_MODEL,
    "approve-features": Action.APPROVE_FEATURES,
    "release-policy": Action.RELEASE_POLICY,
}


@dataclass(frozen=True)
class Lab:
    """A lab and who acts in it. ``close`` it, or use it in a ``with`` statement."""

    name: str
    course: str
    """Namespace of the LabEnvironment."""
    namespace: str
    """The learner's namespace, which holds the requests."""
    persona: str = field(kw_only=True)
    """As whom this acts; empty: as the user of the kubeconfig's context."""
    _desk: Desk = field(repr=False, compare=False, kw_only=True)
    _kubeconfig: Path | None = field(repr=False, compare=False, kw_only=True)
    _background: Background = field(repr=False, compare=False, kw_only=True)

    @classmethod
    def connect(
        cls,
        kubeconfig: str | Path | None = None,
        context: str | None = None,
        lab: str | None = None,
        *,
        course: str | None = None,
        persona: str = "",
    ) -> Self:
        """Connect to a lab.

        Args:
            kubeconfig: a file; None: ``$KUBECONFIG``, or the default one.
            context: None: the current one.
            lab: None: the one whose namespace the context names, or the course's only one.
            course: namespace of the LabEnvironment; None: as the context tells.
            persona: as whom to act; empty: as the context's own user.

        Raises:
            ChangeError: NoSuchLab, AmbiguousLab, LabNotReady, NoSuchPersona, or WrongContext.
            ApiError: no usable kubeconfig, nobody answers, or reading is forbidden.
        """
        background, path = Background(), Path(kubeconfig) if kubeconfig else None
        try:
            desk = background.enter(_opened(path, context, lab or "", course or ""))
            where = desk.where
            made = cls(
                where.lab.name,
                where.lab.namespace,
                where.namespace,
                persona="",
                _desk=desk,
                _kubeconfig=path,
                _background=background,
            )
            return made.acting_as(persona) if persona else made
        except BaseException:
            background.close()
            raise

    def acting_as(self, persona: str) -> Self:
        """Return the same lab for one of its personas; it is closed together with this one.

        Raises:
            ChangeError: NoSuchPersona, or WrongContext for a context that is somebody else's.
        """
        kube, where = self._desk.kube, self._desk.where
        other = self._background.enter(acting(kube, self._kubeconfig, where.lab, persona))
        return replace(self, persona=persona, _desk=Desk(other, where))

    def request(
        self,
        action: str,
        name: str,
        version: str | int | None = None,
        *,
        reason: str,
        alias: str = "",
        within: str = "",
        request: str = "",
    ) -> Change:
        """Ask for a change, as the user or persona that this is.

        Args:
            action: promote, rollback, approve-features or release-policy, or as in the spec.
            name: registered model, feature service or policy package.
            version: model version or policy revision; a promotion needs one.
            reason: why; it is recorded. At most 1024 characters.
            alias: the one that moves; empty: champion.
            within: unanswered it expires after this time, such as ``8h``; empty: a day.
            request: name of the ChangeRequest; empty: one is made up.

        Raises:
            ValueError: there is no such action.
            Forbidden: this user may not; the message is the policy's.
            Invalid: the API server does not take it; the message names field and remedy.
            Conflict: the name is taken.
        """
        kind = _ACTIONS.get(action) or Action(action)
        number = "" if version is None else str(version)
        ask = Ask(kind, name, reason, number, alias, within, request)
        return self._change(self._background.run(self._desk.ask(ask)))

    def rollback(
        self, name: str, version: str | int | None = None, *, reason: str, alias: str = ""
    ) -> Change:
        """Ask for a model to go back to a version; None: the previous. Raises as ``request``."""
        return self.request("rollback", name, version, reason=reason, alias=alias)

    def approve(self, change: Change | str, comment: str = "") -> str:
        """Approve a change for the evidence that this snapshot has; by name, for what is there now.

        Returns:
            name of the ChangeApproval.

        Raises:
            ChangeError: NoEvidence yet, EvidenceAltered, or RequestOver.
            Forbidden: this user may not; the message is the policy's.
        """
        return self._answer(change, "Approve", comment)

    def reject(self, change: Change | str, comment: str = "") -> str:
        """Reject a change; returns and raises as ``approve``."""
        return self._answer(change, "Reject", comment)

    def withdraw(self, change: Change | str) -> Change:
        """Take a request back, as who made it.

        Raises:
            ChangeError: NoSuchRequest, or RequestOver when it is too late.
            Forbidden: it is somebody else's.
        """
        return self._change(self._background.run(self._desk.withdraw(_name(change))))

    def changes(self) -> list[Change]:
        """Return all requests of the lab, oldest first."""
        return [self._change(body) for body in self._background.run(self._desk.requests())]

    def change(self, name: str) -> Change:
        """Return one request.

        Raises:
            ChangeError: NoSuchRequest.
        """
        return self._change(self._background.run(self._desk.request(name)))

    def wait(self, change: Change | str, timeout: float | None = None, answer: str = "") -> Change:
        """Wait until a person is needed or a request is over, whatever that came to.

        Args:
            change: the request.
            timeout: seconds; None: for ever.
            answer: name of a ChangeApproval that the operator has to take note of first.

        Raises:
            ChangeError: TimedOut, NoSuchRequest, or RequestDeleted meanwhile.
        """
        waiting = self._desk.wait(_name(change), timeout, answer=answer)
        return self._change(self._background.run(waiting))

    def close(self) -> None:
        """Close the connections, those of ``acting_as`` too."""
        self._background.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, change: Change | str, verdict: Verdict, comment: str) -> str:
        if isinstance(change, str):
            change = self.change(change)
        made = self._background.run(self._desk.answer(dict(change.body), verdict, comment))
        return str(made["metadata"]["name"])

    def _change(self, body: Object) -> Change:
        return types.change(body, self)


def _name(change: Change | str) -> str:
    return change if isinstance(change, str) else change.name


@asynccontextmanager
async def _opened(
    kubeconfig: Path | None, context: str | None, lab: str, course: str
) -> AsyncGenerator[Desk]:
    connection = await person.connect(kubeconfig, context)
    within = "" if course else connection.context_namespace
    async with connection.kube as kube:
        found = await place.find(kube, course or connection.namespace, lab, within)
        yield Desk(kube, found)
