"""Makes the data of the lab: what is known of customers and merchants over 14 days, and labels.

The same numbers every time; only the moments move, so that the newest event is an hour before
``until``. The traps: corrections that arrived a day late, a customer who is silent for longer than
values live, a day on which amounts are missing, labels that are there twice, an e-mail address that
nobody may use, and a file whose moments do not say their time zone.

    python3 data.py FOLDER            makes the files where they are missing
    python3 data.py FOLDER --again    makes them anew, up to now: the next delivery
"""

import random
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

UNTIL = datetime(2026, 3, 2, tzinfo=timezone.utc)  # noqa: UP017 - images may have an older Python
CUSTOMERS, MERCHANTS, DAYS, STEP = 50, 10, 14, timedelta(hours=6)
LAG, LATE = timedelta(minutes=20), timedelta(days=1)
SILENT, SILENT_FROM, SILENT_DAYS = 13, 5, 3
BAD_DAY, BAD_SHARE = 9, 0.2
CORRECTIONS, CORRECTED_BY = 25, 25
COUNTRIES = ("AT", "CH", "DE", "FR", "IT")


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
            missing = day == BAD_DAY and noise.random() < BAD_SHARE
            row = {
                "customer_id": customer,
                "event_timestamp": at,
                "created": at + LAG,
                "txn_amount_7d": None if missing else amount,
                "txn_count_7d": noise.randrange(1, 40),
                "country": country,
                "email": f"customer{customer}@example.org",
            }
            silent = customer == SILENT and SILENT_FROM <= day < SILENT_FROM + SILENT_DAYS
            if not silent:
                rows.append(row)
    rows += _corrections(rows, end, noise)
    return sorted(
        rows, key=lambda row: (row["event_timestamp"], row["customer_id"], row["created"])
    )


def _corrections(rows, end, noise):
    """Corrections of values that can be corrected by now.

    One of them is of the last value before the silence, so it is known while that still counts.
    """
    known = [row for row in rows if row["txn_amount_7d"] and row["event_timestamp"] + LATE < end]
    began = end - timedelta(days=DAYS - SILENT_FROM)
    silent = [row for row in known if row["customer_id"] == SILENT]
    last = [row for row in silent if row["event_timestamp"] <= began][-1]
    others = [row for row in known if row["customer_id"] != SILENT]
    return [
        {
            **row,
            "txn_amount_7d": round(row["txn_amount_7d"] * CORRECTED_BY, 2),
            "created": row["event_timestamp"] + LATE,
        }
        for row in (last, *noise.sample(others, CORRECTIONS - 1))
    ]


def labels(until=UNTIL):
    """Orders with what became of them; five of them are there twice."""
    noise = random.Random(11)
    end = until - timedelta(hours=2)
    rows = [
        {
            "order_id": number,
            "customer_id": noise.randrange(1, CUSTOMERS + 1),
            "merchant_id": noise.randrange(1, MERCHANTS + 1),
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
        for merchant in range(1, MERCHANTS + 1)
        for day in range(DAYS)
    ]


def write(folder, until=UNTIL):
    """Write the three files as Parquet; whoever reads one meanwhile sees the old or the new."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    moment = pa.timestamp("us", tz="UTC")
    for name, rows, types in (
        ("transactions", transactions(until), {"event_timestamp": moment, "created": moment}),
        ("labels", labels(until), {"event_timestamp": moment}),
        ("merchants", merchants(until), {"event_timestamp": pa.timestamp("us")}),
    ):
        columns = {key: pa.array([row[key] for row in rows], types.get(key)) for key in rows[0]}
        target = Path(folder) / f"{name}.parquet"
        pq.write_table(pa.table(columns), target.with_suffix(".new"))
        target.with_suffix(".new").replace(target)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    if "--again" in sys.argv or not (target / "transactions.parquet").exists():
        now = datetime.now(timezone.utc)  # noqa: UP017
        write(target, now.replace(minute=0, second=0, microsecond=0))
