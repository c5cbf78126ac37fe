"""What an audit log says should be so: replayed, it is the memory of every governed change.

Pure: records in, conclusions out. Nothing else remembers where an alias belongs, so nothing else
can be talked into another opinion.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from practicum.api.change import Action, State
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


_MODEL_ACTIONS: Final = frozenset({Action.PROMOTE_MODEL, Action.ROLLBACK_MODEL})


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
    reverted: int = 0
    """How many moves of others were undone."""
    broken: str = ""
    """Digest of the learner's policies that do not compile; empty: they do, or there are none."""
    release: Release | None = None
    """Policies that decide; None: the template's own."""
    releases: dict[str, Release] = field(default_factory=dict)
    """All that were ever released, by revision, the last one last."""
    verdicts: int = 0
    """How often policies broke or were mended."""
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
        elif record["type"] == Kind.ALIAS_REVERTED:
            self.reverted += 1
        elif record["type"] in (Kind.POLICY_BROKEN, Kind.POLICY_MENDED):
            self._vetted(record)
        elif _executed(record) and record["action"] == Action.RELEASE_POLICY:
            self._released(outcome, record["request"]["name"])
        elif _executed(record) and record["action"] in _MODEL_ACTIONS:
            self._moved(record, outcome)

    def _moved(self, record: Record, outcome: Mapping[str, str]) -> None:
        name, before, after = outcome["name"], outcome["before"], outcome["after"]
        self._stands(name, outcome["alias"], after)
        self.aliases[name, PREVIOUS] = before
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

    def is_approved(self, name: str, version: str) -> bool:
        """Whether a version was in production before."""
        return version in self.approved.get(name, ())


def replay(records: Iterable[Record]) -> Ledger:
    """Return what a whole log comes to."""
    ledger = Ledger()
    for record in records:
        ledger.take(record)
    return ledger


def _executed(record: Record) -> bool:
    return bool(record["type"] == Kind.STATE_CHANGED and record["state"] == State.EXECUTED)
