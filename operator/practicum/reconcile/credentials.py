"""Issues the learner's credentials: tokens minted, renewed, and cut short with the lab."""

import json
from dataclasses import dataclass
from datetime import datetime

from practicum import errors
from practicum.api.canonical import digest
from practicum.api.names import GROUP, key_of
from practicum.api.times import parse_rfc3339, rfc3339
from practicum.clock import Clock
from practicum.desired import access
from practicum.desired.lab import Lab
from practicum.kube.client import Kube
from practicum.observe import metrics
from practicum.policy import expiry
from practicum.policy.readiness import READY, Readiness
from practicum.reconcile.apply import Applier
from practicum.reconcile.inventory import Inventory
from practicum.reconcile.runner import together
from practicum.settings import Settings

_RECORD = f"{GROUP}/issued"


@dataclass(frozen=True)
class Issued:
    """What the credentials Secret holds, without the secrets."""

    basis: str
    """Digest of what the credentials depend on: accounts, server, logins."""
    content: str
    """Digest of the Secret's data: somebody's edit of it is a reason to issue anew."""
    minted: datetime
    expires: datetime
    rotation: str = ""
    """What the lab asked for when these were issued."""

    def record(self) -> str:
        """Write it for the Secret's annotation, from which a restarted operator reads it."""
        moments = rfc3339(self.minted), rfc3339(self.expires)
        return json.dumps([self.basis, self.content, *moments, self.rotation])

    @classmethod
    def read(cls, text: str) -> "Issued | None":
        """Read an annotation; None when it is not one of ours."""
        try:
            basis, content, minted, expires, *rotation = json.loads(text)
            return cls(basis, content, parse_rfc3339(minted), parse_rfc3339(expires), *rotation)
        except (ValueError, TypeError, AttributeError):
            return None


@dataclass(frozen=True)
class Outcome:
    """The verdict, and when to come back."""

    readiness: Readiness
    issued: Issued | None = None

    @property
    def due(self) -> datetime | None:
        """When the tokens are to be renewed."""
        return expiry.token_due(self.issued.minted, self.issued.expires) if self.issued else None


class Credentials:
    """Issues credentials for labs; remembers what it issued, and can do without the memory."""

    def __init__(
        self, kube: Kube, inventory: Inventory, applier: Applier, settings: Settings, clock: Clock
    ) -> None:
        self._kube = kube
        self._inventory = inventory
        self._applier = applier
        self._settings = settings
        self._clock = clock
        self._issued: dict[str, Issued] = {}
        self._rotated: dict[str, str] = {}
        """For which rotation a lab's accounts were last made anew by this process."""
        self._known_server: access.Server | None = None
        self._asked = clock()

    def forget(self, lab_uid: str) -> None:
        """Look at the Secret itself next time."""
        self._issued.pop(lab_uid, None)

    def gone(self, lab_uid: str) -> None:
        """Forget a lab that is no more."""
        self.forget(lab_uid)
        self._rotated.pop(lab_uid, None)

    async def basis(self, lab: Lab) -> str:
        """Return what credentials depend on now; empty where none can be issued."""
        server = await self._server()
        return self._basis(lab, server) if server else ""

    def recall(self, lab: Lab, basis: str) -> None:
        """Believe what the status says of the credentials, until the Secret is looked at."""
        said = lab.resource.status.credentials
        if said and said.issued_at:
            moments = parse_rfc3339(said.issued_at), parse_rfc3339(said.expires_at)
            self._issued[lab.uid] = Issued(basis, "", *moments, said.rotation)

    async def issue(self, lab: Lab, end: datetime) -> Outcome:
        """Make sure that the learner holds credentials that fit the lab as it is now.

        Args:
            lab: the lab; its ServiceAccounts exist.
            end: when the lab expires.
        """
        server = await self._server()
        if server is None:
            return Outcome(
                Readiness(
                    False,
                    "NoServerAddress",
                    "no API server address for learners: set learnerAccess.server in the chart",
                )
            )
        now = self._clock()
        issued = self._issued.get(lab.uid) or await self._recorded(lab)
        basis = self._basis(lab, server)
        of = issued.rotation if issued else self._rotated.get(lab.uid, "")
        if of != lab.rotation or (issued and expiry.outlives(issued.expires, end)):
            await self._revoke(lab)
            issued, basis = None, self._basis(lab, server)
        if (
            issued
            and issued.basis == basis
            and now < expiry.token_due(issued.minted, issued.expires)
        ):
            self._issued[lab.uid] = issued
            return Outcome(READY, issued)
        return await self._mint(lab, server, end, issued)

    async def _mint(
        self, lab: Lab, server: access.Server, end: datetime, before: Issued | None
    ) -> Outcome:
        now = self._clock()
        # Whichever clock is right, the token does not outlive the lab.
        latest = max(now, now + self._kube.skew)
        life = expiry.token_life(latest, end, self._settings.token_max)
        if life is None:
            return self._too_late(before, now)
        people = [access.LEARNER, *access.personas(lab)]
        with metrics.TOKEN_FAILURES.count_exceptions():
            minted = await together(
                *(self._kube.token(lab.course, access.account(lab, who), life) for who in people)
            )
        tokens = {who: access.Token(*token) for who, token in zip(people, minted, strict=True)}
        secret = access.credentials(lab, server, tokens)
        first_end = min(token.expires_at for token in tokens.values())
        basis, content = self._basis(lab, server), digest(secret["data"], 64)
        issued = Issued(basis, content, now, first_end, lab.rotation)
        secret["metadata"]["annotations"] = {_RECORD: issued.record()}
        await self._kube.apply(secret)
        self._issued[lab.uid] = issued
        renewed = "renewal" if before and before.basis == basis else "change"
        metrics.TOKENS.labels(renewed if before else "new").inc(len(tokens))
        return Outcome(READY, issued)

    @staticmethod
    def _too_late(issued: Issued | None, now: datetime) -> Outcome:
        """Keep what is still valid; mint nothing that the server would round up past the end."""
        if issued and issued.expires > now:
            return Outcome(READY)
        message = "too little of the lab's life is left for a token: extend it"
        return Outcome(Readiness(False, "TokenLifeTooShort", message))

    async def _recorded(self, lab: Lab) -> Issued | None:
        if lab.resource.status.credentials is None:
            return None  # never said to be issued: whatever there is, is made anew
        secret = await self._kube.find("Secret", lab.course, lab.credentials_name)
        if secret is None:
            return None
        issued = Issued.read(secret["metadata"].get("annotations", {}).get(_RECORD, ""))
        untouched = issued and issued.content == digest(secret.get("data"), 64)
        return issued if untouched else None

    async def _revoke(self, lab: Lab) -> None:
        """Kill the tokens that there are: a new ServiceAccount knows them not."""
        accounts = access.accounts(lab)
        await self._applier.delete(lab.uid, [key_of(account) for account in accounts])
        await self._applier.apply(accounts)
        self._rotated[lab.uid] = lab.rotation
        self._issued.pop(lab.uid, None)

    def _basis(self, lab: Lab, server: access.Server) -> str:
        seen = (self._inventory.get(lab.uid, key_of(body)) for body in access.accounts(lab))
        uids = [one.uid if one else "" for one in seen]
        return digest([uids, server.url, server.ca, digest(access.logins(lab), 64)])

    async def _server(self) -> access.Server | None:
        """Return where learners reach the API server: the chart's values, else cluster-info."""
        if self._known_server is None or self._clock() - self._asked >= self._settings.resync:
            self._asked, self._known_server = self._clock(), await self._find_server()
        return self._known_server

    async def _find_server(self) -> access.Server | None:
        if self._settings.learner_server:
            ca = self._settings.learner_ca or self._kube.ca
            return access.Server(self._settings.learner_server, ca)
        try:
            found = await self._kube.get("ConfigMap", "kube-public", "cluster-info")
            return access.server_of(found["data"]["kubeconfig"])
        except (errors.NotFound, errors.Forbidden, KeyError, ValueError):
            return None
