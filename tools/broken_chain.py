"""Writes the audit log that learners of MOD-506 find a fault in: ``python -m tools.broken_chain``.

A made-up lab's records, chained as the operator chains them; one was changed afterwards, by
somebody who could not compute the rest anew.
"""

import json
from pathlib import Path
from typing import Any

from practicum.api.canonical import canonical
from practicum.governance.chain import Record, event_id, link

TARGET = Path(__file__).parents[1] / "lab-templates/mod-506/files/chain.jsonl"
CHANGED = 11
_STORY = (
    ("StateChanged", "AwaitingApproval", "ds"),
    ("Answered", "", "reviewer-risk"),
    ("Answered", "", "reviewer-ml"),
    ("StateChanged", "Approved", "ds"),
    ("StateChanged", "Executed", "ds"),
    ("Served", "", ""),
)


def records(many: int = 18) -> list[Record]:
    """Return the chain, with its one changed record."""
    made: list[Record] = []
    for number in range(many):
        kind, state, persona = _STORY[number % len(_STORY)]
        name = f"promote-{number // len(_STORY) + 1}"
        event: dict[str, Any] = {
            "id": event_id("a-lab-of-last-year", kind, name, str(number)),
            "at": f"2025-10-{6 + number // 6:02}T09:{(7 * number) % 60:02}:00Z",
            "type": kind,
            "lab": {"course": "mlops-last-year", "name": "someone"},
            "request": {"name": name},
            "action": "PromoteModel",
            "target": {"name": "fraud-dev", "version": str(number // len(_STORY) + 2)},
        }
        event |= {"state": state} if state else {}
        event |= {"actor": {"persona": persona}} if persona else {}
        made.append(link(event, made[-1] if made else None, b"a key that nobody has any more"))
    made[CHANGED - 1] = {**made[CHANGED - 1], "target": {"name": "fraud-dev", "version": "7"}}
    return made


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    text = "".join(f"{canonical(record)}\n" for record in records())
    TARGET.write_text(text, encoding="utf-8")
    print(f"{TARGET.name}: {len(text)} bytes, {json.dumps({'changed': CHANGED})}")
