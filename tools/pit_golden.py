"""Computes what a point-in-time join of MOD-504's data has to give: ``python -m tools.pit_golden``.

In SQL, from the module's own generator and without Feast: whoever grades a join must not have made
it. The same query without one of its conditions shows what each mistake costs, which tests hold.
"""

import importlib.util
import json
import random
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

MODULE = Path(__file__).parents[1] / "lab-templates/mod-504"
ANSWERS = MODULE / "answers"
CUSTOMER_TTL, MERCHANT_TTL = timedelta(hours=48), timedelta(hours=72)
VALUES = ("txn_amount_7d", "txn_count_7d", "country", "chargeback_rate_30d")
_KNOWN = timedelta(minutes=20)
_INDIA, _OREGON = timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))
_MINUTE, _HOUR, _SECOND = timedelta(minutes=1), timedelta(hours=1), timedelta(seconds=1)

Row = dict[str, Any]


@dataclass(frozen=True)
class Join:
    """What a join takes care of; without any of it, it is one of the mistakes that learners make.

    Attributes:
        created: no value counts before it was known.
        ttl: no value counts for longer than it lives.
        shift: added to the moment that is asked for, as by a clock of another time zone.
    """

    created: bool = True
    ttl: bool = True
    shift: timedelta = timedelta(0)


_CUSTOMERS = """
SELECT e.row_id, t.txn_amount_7d, t.txn_count_7d, t.country,
       row_number() OVER (PARTITION BY e.row_id ORDER BY t.event DESC, t.created DESC) AS place
FROM entities e JOIN transactions t ON t.customer_id = e.customer_id
WHERE t.event <= e.moment + :shift
  AND (NOT :created OR t.created <= e.moment + :shift)
  AND (NOT :ttl OR e.moment + :shift - t.event <= :customer_ttl)
"""
_MERCHANTS = """
SELECT e.row_id, m.chargeback_rate_30d,
       row_number() OVER (PARTITION BY e.row_id ORDER BY m.event DESC) AS place
FROM entities e JOIN merchants m ON m.merchant_id = e.merchant_id
WHERE m.event <= e.moment + :shift
  AND (NOT :ttl OR e.moment + :shift - m.event <= :merchant_ttl)
"""
_JOINED = f"""
WITH customers AS ({_CUSTOMERS}), risks AS ({_MERCHANTS})
SELECT e.row_id, e.customer_id, e.merchant_id, e.moment, {", ".join(VALUES)}
FROM entities e
LEFT JOIN customers ON customers.row_id = e.row_id AND customers.place = 1
LEFT JOIN risks ON risks.row_id = e.row_id AND risks.place = 1
ORDER BY e.row_id
"""  # noqa: S608 - put together of what stands above


def generator() -> Any:
    """Return the module's generator of data."""
    spec = importlib.util.spec_from_file_location("mod_504_data", MODULE / "seed/data.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(MODULE / "seed/data.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


class Golden:
    """The data in tables, and the questions that are asked of it."""

    def __init__(self) -> None:
        self._data = generator()
        self.until: datetime = self._data.UNTIL
        self.transactions: list[Row] = self._data.transactions()
        self.merchants: list[Row] = [
            {**row, "event_timestamp": row["event_timestamp"].replace(tzinfo=UTC)}
            for row in self._data.merchants()
        ]
        self.entities = [{"row_id": at, **row} for at, row in enumerate(self._asked(), 1)]
        self._tables = sqlite3.connect(":memory:")
        self._tables.row_factory = sqlite3.Row
        self._fill()

    def _fill(self) -> None:
        make, fill = self._tables.execute, self._tables.executemany
        make(f"CREATE TABLE transactions (customer_id, event, created, {', '.join(VALUES[:3])})")
        make("CREATE TABLE merchants (merchant_id, event, chargeback_rate_30d)")
        make("CREATE TABLE entities (row_id, customer_id, merchant_id, moment)")
        fill(
            "INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?)",
            [
                (
                    row["customer_id"],
                    row["event_timestamp"].timestamp(),
                    row["created"].timestamp(),
                    *(row[name] for name in VALUES[:3]),
                )
                for row in self.transactions
            ],
        )
        fill(
            "INSERT INTO merchants VALUES (?, ?, ?)",
            [
                (row["merchant_id"], row["event_timestamp"].timestamp(), row[VALUES[3]])
                for row in self.merchants
            ],
        )
        fill(
            "INSERT INTO entities VALUES (?, ?, ?, ?)",
            [
                (row["row_id"], row["customer_id"], row["merchant_id"], row["at"].timestamp())
                for row in self.entities
            ],
        )

    def joined(self, join: Join = Join()) -> list[Row]:
        """Return a row for each that was asked for."""
        found = self._tables.execute(
            _JOINED,
            {
                "created": join.created,
                "ttl": join.ttl,
                "shift": join.shift.total_seconds(),
                "customer_ttl": CUSTOMER_TTL.total_seconds(),
                "merchant_ttl": MERCHANT_TTL.total_seconds(),
            },
        )
        return [dict(row) for row in found]

    def corrections(self) -> list[Row]:
        """Return the rows that came a day late, each with the ``wrong`` value before it."""
        first: dict[tuple[int, datetime], float] = {}
        late = []
        for row in self.transactions:
            key = row["customer_id"], row["event_timestamp"]
            if key in first:
                late.append({**row, "wrong": first[key]})
            else:
                first[key] = row["txn_amount_7d"]
        return late

    def _asked(self) -> list[Row]:
        noise = random.Random(504)  # noqa: S311 - the same numbers every time
        return [
            {"merchant_id": noise.randrange(1, self._data.MERCHANTS + 1), **row}
            for row in (
                *self._normal(noise),
                *self._before_first(),
                *self._past_ttl(),
                *self._late(),
                *self._twice(noise),
                *self._edges(),
            )
        ]

    def _plain(self, noise: random.Random, many: int) -> list[Row]:
        """Return events that nothing is special about."""
        corrected = {(row["customer_id"], row["event_timestamp"]) for row in self.corrections()}
        start = self.until - timedelta(days=12)
        plain = [
            row
            for row in self.transactions
            if row["event_timestamp"] > start
            and row["txn_amount_7d"] is not None
            and row["customer_id"] != self._data.SILENT
            and (row["customer_id"], row["event_timestamp"]) not in corrected
        ]
        return noise.sample(plain, many)

    def _normal(self, noise: random.Random) -> Iterator[Row]:
        for row in self._plain(noise, 12):
            after = _MINUTE * noise.randrange(30, 330)
            yield _entity("normal", row, row["event_timestamp"] + after)

    def _before_first(self) -> Iterator[Row]:
        for customer, hours in ((3, 30), (21, 9), (34, 2), (48, 55)):
            first = next(row for row in self.transactions if row["customer_id"] == customer)
            yield _entity("before-first", first, first["event_timestamp"] - hours * _HOUR)

    def _past_ttl(self) -> Iterator[Row]:
        last = self._last_before_silence()
        for hours in (49, 56, 63, 77):
            yield _entity("past-ttl", last, last["event_timestamp"] + hours * _HOUR)
        for row in self.transactions[-2:]:
            yield _entity("past-ttl", row, row["event_timestamp"] + timedelta(days=4))

    def _late(self) -> Iterator[Row]:
        silent = self._data.SILENT
        late = [row for row in self.corrections() if row["customer_id"] != silent]
        for number, row in enumerate(late[2:21:3]):
            yield _entity(
                "late-correction", row, row["event_timestamp"] + (30 + 45 * number) * _MINUTE
            )
        # By then it was known, and still counted.
        last = self._last_before_silence()
        yield _entity("late-correction", last, last["event_timestamp"] + 30 * _HOUR)

    def _twice(self, noise: random.Random) -> Iterator[Row]:
        for row in self._plain(noise, 3):
            for _ in range(2):
                at = row["event_timestamp"] + 2 * _HOUR
                yield _entity("duplicate-key", row, at) | {"merchant_id": 4}

    def _edges(self) -> Iterator[Row]:
        known = next(
            row
            for row in self.transactions
            if row["customer_id"] == 27 and row["event_timestamp"] > self.until - timedelta(days=3)
        )
        daily = next(row for row in self.merchants if row["merchant_id"] == 6)
        for moment, zone in (
            (known["event_timestamp"] + _KNOWN, _INDIA),
            (known["event_timestamp"] + _KNOWN - _SECOND, _INDIA),
            (daily["event_timestamp"], _OREGON),
            (daily["event_timestamp"] - _SECOND, _OREGON),
        ):
            yield _entity("tz-edge", known, moment.astimezone(zone)) | {"merchant_id": 6}

    def _last_before_silence(self) -> Row:
        silent = self._data.SILENT
        mine = [row for row in self.transactions if row["customer_id"] == silent]
        return next(
            row
            for row, after in pairwise(mine)
            if after["event_timestamp"] - row["event_timestamp"] > CUSTOMER_TTL
        )

    def latest(self) -> dict[str, list[Any]]:
        """Return the values that are served of every customer, once all is materialized."""
        rows = {row["customer_id"]: row for row in self.transactions}
        risks = {row["merchant_id"]: row for row in reversed(self.merchants)}
        customers = sorted(rows)
        merchants = [1 + at % len(risks) for at in range(len(customers))]
        return {
            "customer_id": customers,
            "merchant_id": merchants,
            **{name: [rows[one][name] for one in customers] for name in VALUES[:3]},
            VALUES[3]: [risks[one][VALUES[3]] for one in merchants],
        }


def _entity(rule: str, row: Row, at: datetime) -> Row:
    return {"rule": rule, "customer_id": row["customer_id"], "at": at}


def lossy(rows: Sequence[Row]) -> list[Row]:
    """Return what is left where rows without values go, and those of one key and moment are one."""
    found = {
        (row["customer_id"], row["merchant_id"], row["moment"]): row
        for row in rows
        if all(row[name] is not None for name in VALUES)
    }
    return list(found.values())


def files() -> dict[str, str]:
    """Return the golden answers, by name."""
    golden = Golden()
    entities = [
        {
            "row_id": row["row_id"],
            "customer_id": row["customer_id"],
            "merchant_id": row["merchant_id"],
            "event_timestamp": row["at"].isoformat(),
        }
        for row in golden.entities
    ]
    rules = {row["row_id"]: row["rule"] for row in golden.entities}
    rows = [
        {
            "row_id": row["row_id"],
            "rule": rules[row["row_id"]],
            "values": {name: row[name] for name in VALUES},
        }
        for row in golden.joined()
    ]
    latest = golden.latest()
    keys = {name: latest.pop(name) for name in ("customer_id", "merchant_id")}
    return {
        "pit.json": _text({"entities": entities, "rows": rows}),
        "online.json": _text({"entities": keys, "values": latest}),
    }


def _text(body: Any) -> str:
    return json.dumps(body, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    ANSWERS.mkdir(exist_ok=True)
    for name, text in files().items():
        (ANSWERS / name).write_text(text, encoding="utf-8")
        print(f"{name}: {len(text)} bytes")
