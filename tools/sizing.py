"""Writes the table of what a lab takes into ``docs/operations.md``: ``make docs``.

Requests are summed up from the modules' sizes; what was measured is in ``verdicts.json``.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

from practicum.api.quantities import quantity
from practicum.policy import room
from practicum.policy.room import Room
from tools.coverage import VERDICTS, modules

PAGE: Final = Path(__file__).resolve().parents[1] / "docs/operations.md"
BEGIN: Final = "<!-- sizing: make docs -->\n"
END: Final = "<!-- /sizing -->\n"
NODE: Final = Room(Decimal(4), Decimal(16 * 2**30), Decimal(110))
"""What the node of the last column has to give."""


def table() -> str:
    """Return the table."""
    head = (
        *("module", "size", "CPU at start", "memory at start", "pods", "CPU at most"),
        *("memory at most", "storage at most", "memory measured", "CPU measured"),
        *("Ready", "labs a node"),
    )
    rows = (head, ("---", "---", *("---:",) * (len(head) - 2)), *_rows())
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _rows() -> Iterator[tuple[str, ...]]:
    verdicts = json.loads(VERDICTS.read_text(encoding="utf-8"))
    for name, spec in modules().items():
        for size, one in spec.sizes.items():
            start, most, seen = room.at_start(one), room.at_most(one), verdicts[name]
            stored = sum(
                quantity(side.storage["requests.storage"]) or 0 for side in one.quota.values()
            )
            # Modules are proved in their default size.
            used = (f"{seen['mebibytes']} MiB", f"{seen['cpuSeconds']} s")
            measured = (*used, f"{seen['ready']} s")
            measured = measured if size == spec.default_size else ("", "", "")
            asked = (*_said(start), f"{start.pods}", *_said(most), f"{stored / 2**30:g} GiB")
            yield (name, size, *asked, *measured, f"{NODE.times(start)}")


def _said(need: Room) -> tuple[str, str]:
    return f"{need.cpu:.2f}", f"{need.memory / 2**30:.1f} GiB"


def page(text: str) -> str:
    """Return the page with the table as it is now."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
