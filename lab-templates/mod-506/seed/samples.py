"""Makes a sample of the data behind the lab's features, for Feast's monitoring to measure.

The reviewed view is whole; half of the raw one is missing.
"""

import os
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 2800
STEP = timedelta(minutes=30)
DOMAINS = ("example.org", "example.com", "example.net")

Draw = Callable[[random.Random], Any]
VIEWS: dict[str, dict[str, tuple[str, dict[str, Draw]]]] = {
    "credit-risk": {
        "application_behaviour": (
            "applicant_id",
            {
                "applications_30d": lambda noise: noise.choice((0, 0, 1, 1, 2, 3)),
                "utilisation_90d": lambda noise: round(noise.betavariate(2, 3), 4),
                "payment_delay_days": lambda noise: _some(noise, 0.02, int(noise.expovariate(0.2))),
            },
        ),
        "applicant_identity": (
            "applicant_id",
            {"email_domain": lambda noise: _some(noise, 0.5, noise.choice(DOMAINS))},
        ),
    },
    "card-fraud": {
        "card_transactions": (
            "card_id",
            {
                "txn_amount_7d": lambda noise: round(noise.lognormvariate(4, 1), 2),
                "txn_count_7d": lambda noise: noise.randrange(40),
                "country": lambda noise: _some(noise, 0.02, noise.choice(("AT", "CH", "DE"))),
            },
        ),
        "cardholder_identity": (
            "card_id",
            {"email_domain": lambda noise: _some(noise, 0.5, noise.choice(DOMAINS))},
        ),
    },
}


def _some(noise: random.Random, missing: float, value: Any) -> Any:
    return None if noise.random() < missing else value


def write(folder: Path, until: datetime) -> None:
    """Writes a Parquet file for each view; the newest event is an hour before ``until``."""
    dataset, seed = os.environ["PARAMETER_DATASET"], os.environ["PARAMETER_SEED"]
    for name, (key, columns) in VIEWS[dataset].items():
        noise = random.Random(f"{dataset}/{seed}/{name}")
        end = until - timedelta(hours=1)
        events = [end - number * STEP for number in range(ROWS)]
        rows = {column: [draw(noise) for _ in events] for column, draw in columns.items()}
        moments = pa.array(events, pa.timestamp("us", tz="UTC"))
        ids = [noise.randrange(200) for _ in events]
        table = pa.table({key: ids, **rows, "event_timestamp": moments, "created": moments})
        pq.write_table(table, folder / f"{name}.parquet")
