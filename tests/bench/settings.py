"""How much is measured, and where the figures report to."""

import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Options:
    """What one invocation was asked for."""

    runs: int = 3
    quick: bool = False
    full: bool = False
    ledger: dict[str, Any] = field(default_factory=dict)
    """Request ledgers by figure; they go into the JSON beside the figures."""
    _began: float = field(default_factory=time.monotonic)

    def size(self, whole: int, usual: int = 0) -> int:
        """Return how many to measure: the usual number, a tenth for a look, or the whole."""
        usual = usual or whole
        return max(5, usual // 10) if self.quick else whole if self.full else usual

    def say(self, text: str) -> None:
        """Tell how far it is."""
        print(f"[{time.monotonic() - self._began:6.1f}s] {text}", flush=True)
