"""Makes the data of the lab: transactions of 50 customers over 14 days, with traps, and labels.

The same numbers every time; only the moments move, so that the newest event is an hour before
``until``. The traps: corrections that arrived a day late, a customer who is silent for longer than
values live, a day on which amounts are missing, labels that are there twice, an e-mail address that
nobody may use, and a file whose moments do not say their time zone.
"""

import random
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

UNTIL = datetime(2026, 3, 2, tzinfo=timezone.utc)  # noqa: UP017 - images may have an older Python
CUSTOMERS, DAYS, STEP = 50, 14, timedelta(hours=6)
SILENT, SILENT_FROM, SILENT_DAYS = 13, 5, 3
BAD_DAY = 9
CORRECTIONS = 25
COUNTRIES = ("AT", "CH", "DE", "FR", "IT")
_MOMENT = pa.timestamp("us", tz="UTC")


def transactions(until=UNTIL):
    """Rows of what is known of customers, oldest first.

    ``created`` says since when a row is known: 20 minutes after the event. A correction is one more
    row of the same moment, known since a day after it.
    """
    noise = random.Random(7)
    end = until - timedelta(hours=1)
    steps = int(timedelta(days=DAYS) / STEP)
    rows = []
    for customer in range(1, CUSTOMERS + 1):
        level, country = noise.uniform(50, 500), noise.choice(COUNTRIES)
        for step in range(steps):
            at, day = end - STEP * (steps - 1 - step), step * STEP // timedelta(days=1)
            amount = round(level * noise.uniform(0.6, 1.4), 2)
            missing = day == BAD_DAY and noise.random() < 0.2
            row = {
                "customer_id": customer,
                "event_timestamp": at,
                "created": at + timedelta(minutes=20),
                "txn_amount_7d": None if missing else amount,
                "txn_count_7d": noise.randrange(1, 40),
                "country": country,
                "email": f"customer{customer}@example.org",
            }
            silent = customer == SILENT and SILENT_FROM <= day < SILENT_FROM + SILENT_DAYS
            if not silent:
                rows.append(row)
    corrected = noise.sample([row for row in rows if row["txn_amount_7d"]], CORRECTIONS)
    rows += [
        {
            **row,
            "txn_amount_7d": 99999.0,
            "created": row["event_timestamp"] + timedelta(days=1),
        }
        for row in corrected
    ]
    return sorted(
        rows, key=lambda row: (row["event_timestamp"], row["customer_id"], row["created"])
    )


def labels(until=UNTIL):
    """Orders with what became of them; five of them are there twice."""
    noise = random.Random(11)
    end = until - timedelta(hours=2)
    rows = [
        {
            "order_id": number,
            "customer_id": noise.randrange(1, CUSTOMERS + 1),
            "event_timestamp": end - timedelta(minutes=noise.randrange(60, 13 * 24 * 60)),
            "is_fraud": int(noise.random() < 0.1),
        }
        for number in range(1, 201)
    ]
    return rows + rows[:5]


def merchants(until=UNTIL):
    """A second file, whose moments do not say their time zone: they are UTC."""
    noise = random.Random(13)
    end = until.replace(tzinfo=None) - timedelta(hours=3)
    return [
        {
            "merchant_id": merchant,
            "event_timestamp": end - timedelta(days=day),
            "chargeback_rate_30d": round(noise.betavariate(2, 60), 4),
        }
        for merchant in range(1, 11)
        for day in range(DAYS)
    ]


def write(folder, until=UNTIL):
    """Write the three files as Parquet."""
    naive = {"event_timestamp": pa.timestamp("us")}
    aware = {"event_timestamp": _MOMENT, "created": _MOMENT}
    for name, rows, types in (
        ("transactions", transactions(until), aware),
        ("labels", labels(until), aware),
        ("merchants", merchants(until), naive),
    ):
        columns = {key: pa.array([row[key] for row in rows], types.get(key)) for key in rows[0]}
        pq.write_table(pa.table(columns), Path(folder) / f"{name}.parquet")


if __name__ == "__main__":
    now = datetime.now(timezone.utc)  # noqa: UP017
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    if not (target / "transactions.parquet").exists():
        write(target, now.replace(minute=0, second=0, microsecond=0))
