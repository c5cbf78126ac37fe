"""What looking at a lab came to, and how it is told to whom."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from practicum.api.checks import Check, CheckState

MESSAGE: Final = 240
DETAIL: Final = 1024
_NAMED: Final = re.compile(
    r"""(?i)\b(authorization|cookie)(["']?\s*[:=]\s*["']?)"""
    r"""(?:(?:bearer|basic)\s+)?[^\s"';]+(?:;\s*[^\s"';]+)*"""
)
_SCHEME: Final = re.compile(r"\b((?i:bearer|basic)[:= ]+)(?=\S*[A-Z0-9=_])[\w+/=.~-]{8,}")
"""What follows these words in a header; in a sentence they may mean something else."""


@dataclass(frozen=True)
class Finding:
    """What one look came to."""

    state: CheckState
    message: str = ""
    expected: str = ""
    observed: str = ""

    def shortened(self) -> "Finding":
        """Return it as short as it is kept."""
        return replace(
            self,
            message=cut(self.message, MESSAGE),
            expected=cut(self.expected, DETAIL),
            observed=cut(self.observed, DETAIL),
        )


PASSED: Final = Finding(CheckState.PASS)


def failed(message: str, expected: str = "", observed: str = "") -> Finding:
    """Return a finding about what the learner has not done yet."""
    return Finding(CheckState.FAIL, message, expected, observed)


def differs(pair: tuple[str, str] | None, what: str = "") -> Finding:
    """Return a finding about one expectation and what was observed; none: it passed."""
    if pair is None:
        return PASSED
    expected, observed = pair
    where = f"{what}: " if what else ""
    return failed(f"{where}expected that {expected}; {observed}", expected, observed)


def broken(message: str) -> Finding:
    """Return a finding about the lab, or the check itself."""
    return Finding(CheckState.ERROR, message)


def unsupported(message: str) -> Finding:
    """Return a finding about a cluster that cannot tell."""
    return Finding(CheckState.UNSUPPORTED, message)


def told(check: Check, finding: Finding) -> Finding:
    """Return what the learner may know: of a hidden check no more than its hint."""
    if check.hidden and finding.state is CheckState.FAIL:
        return Finding(finding.state, check.hint or "not yet")
    if finding.state is CheckState.FAIL and check.hint:
        return replace(finding, message=f"{finding.message or 'not yet'} ({check.hint})")
    return finding


def redacted(finding: Finding, secrets: Iterable[str]) -> Finding:
    """Return a finding without secrets: those that are known, and what looks like one."""
    known = [secret for secret in secrets if len(secret) >= 8]

    def clean(text: str) -> str:
        for secret in known:
            text = text.replace(secret, "***")
        return _SCHEME.sub(r"\1***", _NAMED.sub(r"\1\2***", text))

    return replace(
        finding,
        message=clean(finding.message),
        expected=clean(finding.expected),
        observed=clean(finding.observed),
    )


def cut(text: str, most: int) -> str:
    """Return a text on one line, at most so long."""
    # Half a character, which JSON and YAML of a learner may hold, is none that anybody can send.
    text = " ".join(text.encode("utf-8", "backslashreplace").decode().split())
    return text if len(text) <= most else f"{text[: most - 1]}…"
