"""What a comparison of online with offline values has to find."""

from datetime import timedelta

import pandas as pd
import parity as learners
import pytest
from scratch import DAY, Scratch, data

MOMENT = data.UNTIL
ENTITIES = pd.DataFrame({"customer_id": [1, 7, 13, 20, 50], "merchant_id": [1, 2, 3, 4, 5]})


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Scratch(tmp_path_factory.mktemp("lab"))
    lab.store.materialize(MOMENT - 14 * DAY, MOMENT)
    return lab


@pytest.fixture
def served(lab):
    """The store as it ought to be, again after each test."""
    yield lab.store
    lab.store.materialize(MOMENT - 14 * DAY, MOMENT)


def found(store, entities=ENTITIES, moment=MOMENT):
    return {
        (one["entity"]["customer_id"], one["feature"])
        for one in learners.mismatches(store, entities.copy(), moment)
    }


def write(store, customer, **values):
    row = {
        **{"txn_amount_7d": 1.0, "txn_count_7d": 1, "country": "AT"},
        **{"customer_id": customer, "event_timestamp": MOMENT, "created": MOMENT},
    }
    store.write_to_online_store("customer_txn", pd.DataFrame([row | values]))


def right(customer):
    rows = [row for row in data.transactions() if row["customer_id"] == customer]
    names = ("txn_amount_7d", "txn_count_7d", "country")
    return {name: rows[-1][name] for name in names}


def test_equal_values_are_no_mismatch(served):
    assert found(served) == set()


def test_a_wrong_number_is_found(served):
    write(served, 7, **right(7) | {"txn_amount_7d": right(7)["txn_amount_7d"] + 0.01})
    assert found(served) == {(7, "txn_amount_7d")}


def test_a_wrong_text_is_found(served):
    other = "DE" if right(50)["country"] != "DE" else "FR"
    write(served, 50, **right(50) | {"country": other})
    assert found(served) == {(50, "country")}


def test_noise_of_arithmetic_is_no_mismatch(served):
    write(served, 7, **right(7) | {"txn_amount_7d": right(7)["txn_amount_7d"] * (1 + 1e-12)})
    assert found(served) == set()


def test_a_value_that_nobody_knows_offline_is_found(served):
    write(served, 999)
    more = pd.concat([ENTITIES, pd.DataFrame({"customer_id": [999], "merchant_id": [1]})])
    names = ("txn_amount_7d", "txn_count_7d", "country")
    assert found(served, more.reset_index(drop=True)) == {(999, name) for name in names}


def test_whom_nobody_knows_is_no_mismatch(served):
    more = pd.concat([ENTITIES, pd.DataFrame({"customer_id": [888], "merchant_id": [1]})])
    assert found(served, more.reset_index(drop=True)) == set()


def test_a_value_that_was_not_known_then_is_found(served):
    """As of an earlier moment, what is served today comes from the future."""
    customers = {customer for customer, _ in found(served, moment=MOMENT - timedelta(days=2))}
    assert customers == set(ENTITIES["customer_id"])
