"""What a backfill and the runs after it have to come to."""

from itertools import pairwise

import backfill as learners
import pytest
from scratch import DAY, HOUR, SILENT, Scratch, known, last_before_silence

START = last_before_silence() - 4 * DAY
FIRST = last_before_silence() + 20 * HOUR
SECOND = last_before_silence() + 30 * HOUR


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Scratch(tmp_path_factory.mktemp("lab"))
    lab.deliver(FIRST)
    learners.backfill(lab.store, START, FIRST)
    return lab


@pytest.fixture(scope="module")
def backfilled(lab):
    return lab.served(), lab.windows()


@pytest.fixture(scope="module")
def again(lab, backfilled):
    learners.backfill(lab.store, START, FIRST)
    return lab.served()


@pytest.fixture(scope="module")
def later(lab, again):
    lab.deliver(SECOND)
    learners.incremental(lab.store, SECOND)
    return lab.served()


def test_backfill_serves_every_customer(backfilled):
    served, _ = backfilled
    assert [one for one, values in served.items() if None in values[:2]] == []


def test_backfill_serves_what_was_known(backfilled):
    assert backfilled[0] == known(FIRST, START)


def test_backfill_leaves_no_gap(backfilled):
    _, windows = backfilled
    assert windows[0][0] <= START
    assert max(end for _, end in windows) >= FIRST
    for (_, end), (start, _) in pairwise(windows):
        assert start <= end, f"nothing was materialized from {end} to {start}"


def test_backfill_goes_by_windows_of_a_day_at_most(backfilled):
    _, windows = backfilled
    assert max(end - start for start, end in windows) <= DAY


def test_backfill_again_changes_nothing(backfilled, again):
    assert again == backfilled[0]


def test_incremental_serves_what_is_new(later):
    right = known(SECOND, START)
    assert {one: served for one, served in later.items() if one != SILENT} == {
        one: values for one, values in right.items() if one != SILENT
    }


def test_incremental_serves_a_correction_of_an_event_before_the_last_run(later):
    assert later[SILENT] == known(SECOND, START)[SILENT]


def test_incremental_again_changes_nothing(lab, later):
    learners.incremental(lab.store, SECOND)
    assert lab.served() == later
