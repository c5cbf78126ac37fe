"""A seeded plan of faults: what befalls a request follows from the seed and its place in line."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator

from .proxy import Call, Fault, Garble

_REQUESTS = (
    (0.03, "429", Fault(429, retry_after=1)),
    (0.03, "500", Fault(500)),
    (0.03, "503", Fault(503)),
    (0.02, "dropped", Fault()),
    (0.02, "done, answer lost", Fault(after=True)),
    (0.01, "done, answered 500", Fault(500, after=True)),
    (0.01, "silent, then dropped", Fault(delay=4)),
)
_WRITES = ((0.02, "409", Fault(409)),)
_WATCHES = ((0.05, "watch 410", Fault(410)), (0.05, "watch 503", Fault(503)))
_SILENCE = 8.0
_GONE = {
    "type": "ERROR",
    "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"},
}


class Storm:
    """Decides what goes wrong; the same for the n-th request of a method to a path."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._turns: Counter[tuple[str, str, bool]] = Counter()
        self.struck: Counter[str] = Counter()
        """How often each fault befell."""

    def __call__(self, call: Call) -> Fault | Garble | None:
        """Plan for a proxy."""
        if "/coordination.k8s.io/" in call.path:
            return None
        key = (call.method, call.path, call.watch)
        self._turns[key] += 1
        dice = random.Random(f"{self._seed} {key} {self._turns[key]}")
        if call.watch:
            return self._pick(dice, _WATCHES) or self._garble(dice)
        return self._pick(dice, (*_REQUESTS, *(_WRITES if call.is_write else ())))

    def _pick(
        self, dice: random.Random, table: tuple[tuple[float, str, Fault], ...]
    ) -> Fault | None:
        number = dice.random()
        for share, name, fault in table:
            if number < share:
                self.struck[name] += 1
                return fault
            number -= share
        return None

    def _garble(self, dice: random.Random) -> Garble:
        """End the stream early: by 410, by silence or by a broken connection."""
        end = dice.choice(("watch ends with 410", "watch silent", "watch dropped"))

        async def distort(lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
            left = dice.randint(20, 400)
            async for line in self._shuffled(dice, lines):
                yield line
                left -= 1
                if not left:
                    break
            self.struck[end] += 1
            if end == "watch ends with 410":
                yield json.dumps(_GONE).encode() + b"\n"
            if end == "watch silent":
                await asyncio.sleep(_SILENCE)

        return Garble(distort)

    async def _shuffled(
        self, dice: random.Random, lines: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        """Let some events be overtaken by the next one, and say others twice."""
        held = b""
        async for line in lines:
            lot = dice.random()
            if lot < 0.1 and not held:
                held = line
                continue
            yield line
            if held:
                self.struck["event overtaken"] += 1
                yield held
                held = b""
            elif lot > 0.9:
                self.struck["event repeated"] += 1
                yield line
