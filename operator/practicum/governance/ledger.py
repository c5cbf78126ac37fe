"""What an audit log says should be so: replayed, it is the memory of every governed change.

Pure: records in, conclusions out. Nothing else remembers where an alias belongs, so nothing else
can be talked into another opinion.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from practicum.api.change import Action, State
from practicum.api.labstatus import GOVERNED_FEATURES, GovernedFeatures, GovernedStatus
from practicum.governance.chain import Record

PREVIOUS: Final = "previous"
"""Alias of the version that the governed alias was on before."""


TEMPLATE: Final = "template"
"""Name of the revision that the template brought along."""


@dataclass(frozen=True)
class Release:
    """One revision of policies that was released."""

    revision: str
    digest: str
    """Of its bundle."""
    request: str
    """Name of the request."""


class Kind(StrEnum):
    """``type`` of a record."""

    BASELINE = "Baseline"
    """Where an alias was when the lab became ready: what a rollback may always go to."""
    STATE_CHANGED = "StateChanged"
    ANSWERED = "Answered"
    SERVED = "Served"
    ALIAS_MOVED = "AliasMoved"
    """Somebody else moved it."""
    ALIAS_REVERTED = "AliasReverted"
    POLICY_BROKEN = "PolicyBroken"
    POLICY_MENDED = "PolicyMended"


MODEL_ACTIONS: Final = frozenset({Action.PROMOTE_MODEL, Action.ROLLBACK_MODEL})


@dataclass
class Ledger:
    """Aliases as they should be, and who brought them there."""

    aliases: dict[tuple[str, str], str] = field(default_factory=dict)
    """Version by registered model and alias; empty: the alias should not be there."""
    approved: dict[str, set[str]] = field(default_factory=dict)
    """Versions that were once in production rightfully, by registered model."""
    promoted_by: dict[tuple[str, str], str] = field(default_factory=dict)
    """Uid of the last request that put a version of a model where it is."""
    rolled_back: dict[str, str] = field(default_factory=dict)
    """Name of the request that undid a promotion, by the promotion's uid."""
    features: dict[str, GovernedFeatures] = field(default_factory=dict)
    """Approved feature services by uid of the request, oldest first."""
    moved: dict[tuple[str, str], str] = field(default_factory=dict)
    """Version that somebody else moved an alias to, until it is on record that it is back."""
    moves: int = 0
    """How many moves of others there were."""
    broken: str = ""
    """Digest of the learner's policies that do not compile; empty: they do, or there are none."""
    verdicts: int = 0
    """How often policies broke or were mended."""
    release: Release | None = None
    """Policies that decide; None: the template's own."""
    releases: dict[str, Release] = field(default_factory=dict)
    """All that were ever released, by revision, the last one last."""
    seq: int = 0
    """Last record that was taken in."""

    def take(self, record: Record) -> None:
        """Take in one record; each only once."""
        if record["seq"] <= self.seq:
            return
        self.seq = record["seq"]
        outcome = record.get("outcome") or {}
        if record["type"] == Kind.BASELINE:
            self._stands(outcome["name"], outcome["alias"], outcome["after"])
        elif record["type"] == Kind.ALIAS_MOVED:
            self.moved[outcome["name"], outcome["alias"]] = outcome["after"]
            self.moves += 1
        elif record["type"] == Kind.ALIAS_REVERTED:
            self.moved.pop((outcome["name"], outcome["alias"]), None)
        elif record["type"] in (Kind.POLICY_BROKEN, Kind.POLICY_MENDED):
            self._vetted(record)
        elif record["type"] == Kind.STATE_CHANGED:
            self._decided(record, outcome)

    def _decided(self, record: Record, outcome: Mapping[str, str]) -> None:
        if record["action"] == Action.APPROVE_FEATURES:
            self._approves(record)
        elif _executed(record) and record["action"] == Action.RELEASE_POLICY:
            self._released(outcome, record["request"]["name"])
        elif _executed(record) and record["action"] in MODEL_ACTIONS:
            self._changed(record, outcome)

    def _changed(self, record: Record, outcome: Mapping[str, str]) -> None:
        name, before, after = outcome["name"], outcome["before"], outcome["after"]
        self._stands(name, outcome["alias"], after)
        self.aliases[name, PREVIOUS] = before
        for alias in (outcome["alias"], PREVIOUS):
            # What was approved has put it where it belongs: there is nothing left to undo.
            self.moved.pop((name, alias), None)
        if record["action"] == Action.PROMOTE_MODEL:
            self.promoted_by[name, after] = record["request"]["uid"]
        elif undone := self.promoted_by.get((name, before)):
            self.rolled_back[undone] = record["request"]["name"]

    def _stands(self, name: str, alias: str, version: str) -> None:
        self.aliases[name, alias] = version
        if version:
            self.approved.setdefault(name, set()).add(version)

    def _vetted(self, record: Record) -> None:
        self.verdicts += 1
        broke = record["type"] == Kind.POLICY_BROKEN
        self.broken = record["evidence"]["digest"] if broke else ""

    def _released(self, outcome: Mapping[str, str], request: str) -> None:
        revision, digest = outcome["after"], outcome.get("digest")
        self.release = Release(revision, digest, request) if digest else None
        if self.release:
            self.releases.pop(revision, None)
            self.releases[revision] = self.release

    def _approves(self, record: Record) -> None:
        """Take in an approval of features: it holds once it is given, for then it takes effect.

        One that could not be carried out leaves what was approved before.
        """
        uid, state = record["request"]["uid"], record.get("state")
        if state == State.DENIED:
            self.features.pop(uid, None)
        elif state == State.APPROVED and record["outcome"].get("definition"):
            self.features[uid] = _approved(record)

    def governed(self) -> GovernedStatus | None:
        """Return what the lab's status says of it, for those who bring it about."""
        newest = {one.service: one for one in self.features.values()}
        kept = sorted(newest.values(), key=lambda one: one.approved_at)[-GOVERNED_FEATURES:]
        shown = sorted(kept, key=lambda one: one.service)
        return GovernedStatus(features=shown) if shown else None

    def is_approved(self, name: str, version: str) -> bool:
        """Whether a version was in production before."""
        return version in self.approved.get(name, ())


def replay(records: Iterable[Record]) -> Ledger:
    """Return what a whole log comes to."""
    ledger = Ledger()
    for record in records:
        ledger.take(record)
    return ledger


def _approved(record: Record) -> GovernedFeatures:
    answers = record["status"].get("answers", [])
    return GovernedFeatures(
        service=record["outcome"]["name"],
        request=record["request"]["name"],
        approved_by=",".join(sorted(one["persona"] for one in answers if one["counts"])),
        approved_at=record["at"],
        evidence_digest=record["evidence"]["digest"],
        definition=record["outcome"]["definition"],
    )


def _executed(record: Record) -> bool:
    return bool(record["type"] == Kind.STATE_CHANGED and record["state"] == State.EXECUTED)
