"""What ``practicum template test`` came to, and what of it is not as it should be."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from practicum.api.checks import Check, CheckState
from practicum.cli import output
from practicum.cli.session import Object
from practicum.cli.usage import Used

_FINE: Final = (CheckState.PASS, CheckState.UNSUPPORTED)


@dataclass
class Outcome:
    """What a module came to."""

    module: str
    ready_seconds: float = 0.0
    used: Used = field(default_factory=Used)
    """What the lab's pods have used, once it is solved."""
    quota: float = 0.0
    """Largest share of a quota that the lab uses, in percent."""
    fresh: dict[str, Object] = field(default_factory=dict)
    solved: dict[str, Object] = field(default_factory=dict)
    points: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def wire(self) -> Object:
        """Return it as JSON, for the coverage table."""
        ids = list(self.fresh)
        return {
            "module": self.module,
            "readySeconds": round(self.ready_seconds, 1),
            "memory": self.used.memory,
            "cpuSeconds": round(self.used.cpu_seconds, 1),
            "quotaPercent": round(self.quota, 1),
            "points": self.points[0],
            "maxPoints": self.points[1],
            "seconds": round(self.seconds, 1),
            "checks": {
                one: {
                    "fresh": self.fresh[one]["state"],
                    "message": self.fresh[one].get("message", ""),
                    "solved": self.solved.get(one, {}).get("state", ""),
                    "why": self.solved.get(one, {}).get("message", ""),
                }
                for one in ids
            },
            "problems": self.problems,
        }

    def judge_new(self, checks: Sequence[Check]) -> None:
        """Note what a new lab should not have said."""
        for one in checks:
            found = self.fresh[one.id]
            # What this cluster cannot tell, it cannot tell of a new lab either.
            if found["state"] not in (one.fresh, CheckState.UNSUPPORTED):
                self._problem("a new lab", one.id, found, one.fresh)
            elif found["state"] == CheckState.FAIL and not found.get("message"):
                self.problems.append(f"{one.id}: it fails without saying why")

    def judge_solved(self, checks: Sequence[Check]) -> None:
        """Note what the solved lab should not have said."""
        for one in checks:
            found = self.solved[one.id]
            if found["state"] not in _FINE:
                self._problem("the solved lab", one.id, found, "pass")
            elif found["state"] == CheckState.UNSUPPORTED and not found.get("message"):
                self.problems.append(f"{one.id}: it is unsupported without saying why")

    def _problem(self, where: str, name: str, found: Object, expected: str) -> None:
        said = f": {found['message']}" if found.get("message") else ""
        text = f"{name}: {found['state']} in {where}, expected {expected}{said}"
        self.problems.append(text)

    def show(self) -> None:
        """Show it as a table, its figures and its problems."""
        rows = [
            [name, found["state"], self.solved[name]["state"], found.get("message", "")]
            for name, found in self.fresh.items()
        ]
        output.show(output.table(("check", "new lab", "solved", "what a new lab is told"), rows))
        output.line()
        facts: list[Any] = [
            f"{len(rows)} checks",
            f"{self.points[0]} of {self.points[1]} points",
            f"Ready after {self.ready_seconds:.0f} s",
            f"{self.used.memory / 2**20:.0f} MiB" if self.used.memory else "memory not known",
            f"{self.used.cpu_seconds:.0f} s of CPU" if self.used.cpu_seconds else "CPU not known",
            f"at most {self.quota:.0f} % of a quota",
            f"{self.seconds:.0f} s in all",
        ]
        output.line(f"{self.module}: {', '.join(facts)}")
        for problem in self.problems:
            output.line(f"problem: {problem}")
