"""Whatever is done to an export is found, and found at the first record that is not good."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.governance.chain import GENESIS, Head, event_id, link, verify

KEY, ANOTHER = b"of the operator", b"of somebody else"
Records = list[dict[str, Any]]

values = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8))
events = st.lists(
    st.fixed_dictionaries(
        {"id": st.uuids().map(str), "type": st.sampled_from(["Requested", "Approved", "Executed"])},
        optional={"data": st.dictionaries(st.text(max_size=5), values, max_size=3)},
    ),
    min_size=1,
    max_size=8,
)


def chain(events: list[dict[str, Any]], key: bytes = KEY) -> Records:
    records: Records = []
    for event in events:
        records.append(link(event, records[-1] if records else None, key))
    return records


def head(records: Records) -> Head:
    return Head(records[-1]["seq"], records[-1]["hash"])


def forged(records: Records, at: int, key: bytes) -> Records:
    """Change one record and write everything from it on anew, as its author would have."""
    bare = [
        {k: v for k, v in record.items() if k not in ("seq", "prev", "hash", "mac")}
        for record in records[at:]
    ]
    bare[0]["type"] = "Invented"
    made = records[:at]
    for event in bare:
        made = [*made, link(event, made[-1] if made else None, key)]
    return made


@given(events)
def test_what_was_linked_holds(events: list[dict[str, Any]]) -> None:
    records = chain(events)
    assert [record["seq"] for record in records] == list(range(1, len(events) + 1))
    assert records[0]["prev"] == GENESIS
    for verdict in (verify(records), verify(records, head(records), KEY)):
        assert verdict.holds
        assert verdict.records == len(records)


@given(events)
def test_the_head_may_lag_one_record_behind(events: list[dict[str, Any]]) -> None:
    records = chain(events)
    before = head(records[:-1]) if len(records) > 1 else Head(0, GENESIS)
    assert verify(records, before, KEY).holds


@given(events, st.data())
def test_an_altered_record_is_found(events: list[dict[str, Any]], data: st.DataObject) -> None:
    records = chain(events)
    at = data.draw(st.integers(0, len(records) - 1))
    field = data.draw(st.sampled_from(sorted(records[at])))
    altered = copy.deepcopy(records)
    altered[at][field] = "something else"
    verdict = verify(altered, key=KEY)
    assert (verdict.holds, verdict.records) == (False, at)


@given(events, st.data())
def test_a_missing_record_is_found(events: list[dict[str, Any]], data: st.DataObject) -> None:
    records = chain(events)
    at = data.draw(st.integers(0, len(records) - 1))
    verdict = verify(records[:at] + records[at + 1 :], head(records), KEY)
    assert verdict.records == at
    last = at == len(records) - 1
    assert verdict.reason == ("Truncated" if last else "SequenceGap")


@given(events, st.data())
def test_a_forged_record_is_found_by_key_or_at_the_head(
    events: list[dict[str, Any]], data: st.DataObject
) -> None:
    records = chain(events)
    at = data.draw(st.integers(0, len(records) - 1))
    made = forged(records, at, ANOTHER)
    assert verify(made).holds, "the digests alone are in order"
    by_key = verify(made, key=KEY)
    assert (by_key.reason, by_key.records) == ("RecordForged", at)
    assert verify(made, head(records)).reason == "HeadMismatch"


@given(events, st.integers(2, 3))
def test_records_beyond_the_head_are_found(events: list[dict[str, Any]], more: int) -> None:
    records = chain(events)
    longer = chain([*events, *({"id": str(n), "type": "Late"} for n in range(more))])
    verdict = verify(longer, head(records), KEY)
    assert (verdict.reason, verdict.records) == ("BeyondHead", len(records))


@pytest.mark.parametrize("name", ["seq", "prev", "hash", "mac"])
def test_an_event_does_not_write_the_chains_own_keys(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        link({"id": "1", name: 1}, None, KEY)


def test_nothing_holds() -> None:
    assert verify([], Head(0, GENESIS), KEY).holds
    assert verify([], Head(1, "x")).reason == "Truncated"


def test_the_same_event_has_the_same_id() -> None:
    assert event_id("lab", "request", "Executed") == event_id("lab", "request", "Executed")
    assert event_id("lab", "request", "Executed") != event_id("lab", "requestE", "xecuted")
