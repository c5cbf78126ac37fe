"""Makes a sample of the data behind the features, for Feast's monitoring to measure."""

import os
import random
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 1200


def write(folder: Path, until: datetime) -> None:
    """Writes a Parquet file for each view; the newest event is an hour before ``until``."""
    noise = random.Random(os.environ["PARAMETER_SEED"])
    events = [until - timedelta(hours=1) - number * timedelta(minutes=30) for number in range(ROWS)]
    shared = {
        "applicant_id": [noise.randrange(200) for _ in events],
        "event_timestamp": pa.array(events, pa.timestamp("us", tz="UTC")),
    }
    columns = {
        "application_behaviour": {
            "applications_30d": [noise.randrange(4) for _ in events],
            "utilisation_90d": [round(noise.betavariate(2, 3), 4) for _ in events],
            "payment_delay_days": [int(noise.expovariate(0.2)) for _ in events],
        },
        "applicant_identity": {
            "email_domain": [noise.choice((None, "example.org", "example.com")) for _ in events]
        },
    }
    for name, values in columns.items():
        pq.write_table(pa.table({**shared, **values}), folder / f"{name}.parquet")
