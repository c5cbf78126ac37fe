"""The golden answers of MOD-504 are current, and each mistake of a join costs what it should."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from practicum.api.looks.work import PitCheck
from practicum.checks.looks.code import judged_pit
from tools import pit_golden
from tools.pit_golden import VALUES, Golden, Join, Row, lossy

LOOK = PitCheck(data="seed/data.py", feature_service="fraud_v1", golden="pit.json")
AN_HOUR = Join(shift=timedelta(hours=1))


@pytest.fixture(scope="module")
def golden() -> Golden:
    return Golden()


def rules(golden: Golden, ids: Sequence[int]) -> Counter[str]:
    by_id = {row["row_id"]: row["rule"] for row in golden.entities}
    return Counter(by_id[one] for one in ids)


def wrong(golden: Golden, join: Join) -> Counter[str]:
    pairs = zip(golden.joined(), golden.joined(join), strict=True)
    return rules(golden, [right["row_id"] for right, found in pairs if right != found])


def verdict(golden: Golden, rows: Sequence[Row]) -> str:
    """What the check tells a learner whose code joined these rows."""
    by_id = {row["row_id"]: row["rule"] for row in golden.entities}
    expected = [
        {
            "row_id": row["row_id"],
            "rule": by_id[row["row_id"]],
            "values": {name: row[name] for name in VALUES},
        }
        for row in golden.joined()
    ]
    return judged_pit(LOOK, {"rows": expected}, {"rows": list(rows)}).message


def test_files_are_current() -> None:
    for name, text in pit_golden.files().items():
        assert (pit_golden.ANSWERS / name).read_text() == text, "run: python -m tools.pit_golden"


def test_forty_rows_of_all_rules(golden: Golden) -> None:
    assert Counter(row["rule"] for row in golden.entities) == {
        **{"normal": 12, "before-first": 4, "past-ttl": 6, "late-correction": 8},
        **{"duplicate-key": 6, "tz-edge": 4},
    }


def test_the_right_join_passes(golden: Golden) -> None:
    assert verdict(golden, golden.joined()) == ""


def test_without_a_cut_off_late_corrections_leak(golden: Golden) -> None:
    naive = Join(created=False)
    assert wrong(golden, naive) == {"late-correction": 7, "tz-edge": 1}
    late = [row["row_id"] for row in golden.entities if row["rule"] == "late-correction"]
    known = [row["txn_amount_7d"] for row in golden.joined() if row["row_id"] in late]
    leaked = [row["txn_amount_7d"] for row in golden.joined(naive) if row["row_id"] in late]
    factors = sorted(round(one / other, 1) for one, other in zip(leaked, known, strict=True))
    # The eighth was corrected by then, which is no leak: there the naive join is right.
    assert factors == [1.0, *[25.0] * 7]


def test_without_ttl_values_live_for_ever(golden: Golden) -> None:
    assert wrong(golden, Join(ttl=False)) == {"past-ttl": 6}
    missing = [row for row in golden.joined() if row["txn_amount_7d"] is None]
    assert rules(golden, [row["row_id"] for row in missing]) == {"past-ttl": 6, "before-first": 4}


def test_by_a_clock_an_hour_ahead_the_next_value_leaks(golden: Golden) -> None:
    assert wrong(golden, AN_HOUR) == {"tz-edge": 2}


def test_a_join_that_drops_rows_loses_them(golden: Golden) -> None:
    left = lossy(golden.joined())
    assert len(left) == 27
    lost = {row["row_id"] for row in golden.entities} - {row["row_id"] for row in left}
    assert rules(golden, sorted(lost)) == {"past-ttl": 6, "before-first": 4, "duplicate-key": 3}


def test_learners_are_told_which_mistake_it_is(golden: Golden) -> None:
    told = {
        "lost": verdict(golden, lossy(golden.joined())),
        "leak": verdict(golden, golden.joined(Join(created=False))),
        "ttl": verdict(golden, golden.joined(Join(ttl=False))),
        "clock": verdict(golden, golden.joined(AN_HOUR)),
    }
    assert told["lost"].startswith("13 of 40 rows are lost: 6 past-ttl")
    assert told["leak"].startswith("8 of 40 rows are not what was known then: 7 late-correction")
    assert told["ttl"].startswith("6 of 40 rows are not what was known then: 6 past-ttl")
    assert told["clock"].startswith("2 of 40 rows are not what was known then: 2 tz-edge")


def test_values_are_the_same_whenever_a_lab_is_made() -> None:
    data = pit_golden.generator()
    moved = data.UNTIL + timedelta(days=200, hours=7)

    def values(rows: list[Any]) -> list[Any]:
        return [
            {key: row[key] for key in row if "event" not in key and key != "created"}
            for row in rows
        ]

    for made in (data.transactions, data.merchants, data.labels):
        assert values(made()) == values(made(moved))


def test_whatever_is_served_last_was_known_and_is_corrected_no_more(golden: Golden) -> None:
    assert max(row["created"] for row in golden.transactions) < golden.until
    latest = golden.latest()
    assert len(latest["customer_id"]) == 50
    assert None not in latest["txn_amount_7d"]
    newest = max(row["event_timestamp"] for row in golden.transactions)
    assert newest not in {row["event_timestamp"] for row in golden.corrections()}
