"""What was observed against what is expected: as what it is, and never with a surprise."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.api.looks.terms import Assertion
from practicum.api.quantities import quantity
from practicum.checks import values
from practicum.checks.values import Malformed

SCALARS = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False)),
    st.text(max_size=8),
    st.from_regex(r"-?[0-9.]{1,4}(m|k|Ki|Mi|Gi|h|s|ms|e3)?", fullmatch=True),
    st.sampled_from(["*", "", "1h30m", "90m", "0s", "500ms", "1.5s", "true", "null"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
OPS = ("eq", "ne", "lt", "le", "gt", "ge", "in", "contains", "matches", "exists", "len")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500m", "0.5"),
        ("1k", "1000"),
        ("2Ki", "2048"),
        ("1Gi", "1073741824"),
        ("1e3", "1000"),
        ("-3", "-3"),
        (7, "7"),
        (0.25, "0.25"),
    ],
)
def test_a_quantity_is_a_number(text: Any, number: str) -> None:
    assert quantity(text) == Decimal(number)


@pytest.mark.parametrize(
    "value", [True, None, "", "x", "1.2.3", ".", "1h", "1 Gi", float("inf"), float("nan"), [], {}]
)
def test_what_is_no_quantity(value: Any) -> None:
    assert quantity(value) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("500m", 0.5, True),
        ("1Gi", "1024Mi", True),
        ("1h30m", "90m", True),
        ("60s", "1m", True),
        ("0s", "0h", True),
        ("1500ms", "1.5s", True),
        ("01", "1", True),
        ("a", "b", False),
        (True, 1, False),
        (1, True, False),
        (False, 0, False),
        (None, "", False),
        (None, 0, False),
        ([1], [1], True),
        ({"a": 1}, {"a": 2}, False),
    ],
)
def test_equal_means_the_same(one: Any, other: Any, same: bool) -> None:
    assert values.equal(one, other) is same


@pytest.mark.parametrize(
    ("op", "observed", "expected", "so"),
    [
        ("eq", "2", 2, True),
        ("ne", "2", 2, False),
        ("ne", None, 2, True),
        ("lt", "100m", "1", True),
        ("lt", "1", "1", False),
        ("le", "1Gi", "1024Mi", True),
        ("gt", "1h", "59m", True),
        ("lt", "500ms", "1s", True),
        ("le", "0s", "1h", True),
        ("lt", "9" * 400 + "h", "1h", False),
        ("gt", "b", "a", True),
        ("ge", 3, 3, True),
        ("ge", None, 0, False),
        ("ge", True, 0, False),
        ("lt", "1h", 5, False),
        ("in", "2", [1, 2], True),
        ("in", "3", [1, 2], False),
        ("contains", "abc", "b", True),
        ("contains", "abc", "d", False),
        ("contains", ["1024Mi"], "1Gi", True),
        ("contains", None, "x", False),
        ("contains", {"x": 1}, "x", False),
        ("matches", "web-1", "^web-[0-9]$", True),
        ("matches", None, "^$", True),
        ("matches", {"a": 1}, '"a": 1', True),
        ("matches", "x", "y", False),
        ("exists", 0, None, True),
        ("exists", None, None, False),
        ("exists", None, False, True),
        ("exists", "x", False, False),
        ("len", [1, 2], 2, True),
        ("len", {"a": 1}, 1, True),
        ("len", "abc", 2, False),
        ("len", 3, 3, False),
    ],
)
def test_operators(op: str, observed: Any, expected: Any, so: bool) -> None:
    assert values.holds(op, observed, expected) is so


@pytest.mark.parametrize(
    ("op", "expected", "said"),
    [
        ("in", "x", "in takes a list, not x"),
        ("matches", "(", "'\\(' is not a pattern"),
        ("matches", "(" * 2000, "is not a pattern"),
        ("matches", "(?=a)", "is not a pattern: invalid perl operator"),
    ],
)
def test_an_expectation_without_sense_is_the_authors_mistake(
    op: str, expected: Any, said: str
) -> None:
    with pytest.raises(Malformed, match=said):
        values.holds(op, "observed", expected)


def test_no_text_takes_a_pattern_long() -> None:
    """By backtracking, this one takes half a minute."""
    hostile = "a@" + "." * 60_000 + " "
    assert not values.holds("matches", hostile, "^[^@ ]+@[^@ ]+[.][^@ ]+$")
    assert values.holds("matches", hostile.strip(), "^[^@ ]+@[^@ ]+[.][^@ ]+$")


@pytest.mark.parametrize("path", ["a[(", "nosuch(a)", "a[::0]", "join(',', @)", "'"])
def test_a_path_that_is_none_is_the_authors_mistake(path: str) -> None:
    with pytest.raises(Malformed, match="path "):
        values.at(path, {"a": [1]})


@pytest.mark.parametrize("path", ["ceil(@)", "floor(@)", "avg([@, @])"])
@pytest.mark.parametrize("number", [10**400, float("inf")], ids=["huge", "infinite"])
def test_a_number_that_is_too_big_for_a_path_is_no_surprise(path: str, number: Any) -> None:
    try:
        assert values.at(path, number) is not None
    except Malformed as error:
        assert "path " in str(error)


def test_paths_find_what_they_name() -> None:
    body = {"spec": {"hard": {"limits.memory": "2Gi"}, "list": [{"n": 1}, {"n": 2}]}}
    assert values.at('spec.hard."limits.memory"', body) == "2Gi"
    assert values.at("spec.list[?n > `1`].n", body) == [2]
    assert values.at("spec.none.at.all", body) is None


def test_the_first_assertion_that_does_not_hold_is_told() -> None:
    assertions = [
        Assertion(path="a", op="ge", value=1),
        Assertion(path="b", op="exists"),
        Assertion(path="c", op="eq", value=1),
    ]
    assert values.violation(assertions, {"a": 1, "b": 0, "c": 1}) is None
    assert values.violation(assertions, {"a": 1, "c": 2}) == ("b is there", "b is not there")
    assert values.violation(assertions, {"a": 1, "b": 0, "c": 2}) == ("c is 1", "c is 2")
    absent = [Assertion(path="a", op="exists", value=False)]
    assert values.violation(absent, {"a": "x"}) == ("a is not there", "a is x")


@pytest.mark.parametrize("op", OPS)
def test_every_operator_has_words(op: Any) -> None:
    said = values.expectation(Assertion(path="spec.x", op=op, value=[1]))
    assert said.startswith("spec.x ") and len(said) > len("spec.x ")


@pytest.mark.parametrize(
    ("expected", "observed", "trouble"),
    [
        ({}, {"a": 1}, None),
        ({"a": "1Gi"}, {"a": "1024Mi", "b": 2}, None),
        ({"a": "*"}, {"a": 0}, None),
        ({"a": "*"}, {"a": ""}, ("a is there", "a is not there")),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ("a.b is 1", "a.b is 2")),
        ({"a": {"b": 1}}, {"a": 3}, ("a is an object", "a is 3")),
        ({"a": {"b": 1}}, {}, ("a is an object", "a is not there")),
        ({"a": [{"n": 1}]}, {"a": [{"n": 0}, {"n": 1, "m": 2}]}, None),
        ({"a": [{"n": 1}]}, {"a": [{"n": 0}]}, ('a has {"n": 1}', 'a is [{"n": 0}]')),
        ({"a": [1]}, {"a": 1}, ("a has 1", "a is 1")),
        ({"a": None}, {"b": 1}, None),
        ({"a": None}, {"a": 1}, ("a is not there", "a is 1")),
        ({"a": 1}, None, ("it is an object", "it is not there")),
    ],
)
def test_a_tree_is_part_of_another(expected: Any, observed: Any, trouble: Any) -> None:
    assert values.difference(expected, observed) == trouble


def test_what_is_long_is_shown_short() -> None:
    assert values.shown("x" * 160) == "x" * 160
    assert values.shown("x" * 161) == "x" * 159 + "…"
    assert values.shown(["ä"]) == '["ä"]'
    assert values.shown(None) == "not there"


@given(JSON, JSON)
def test_equal_is_symmetric(one: Any, other: Any) -> None:
    assert values.equal(one, other) is values.equal(other, one)
    assert values.equal(one, one)
    assert values.holds("ne", one, other) is not values.equal(one, other)


@given(JSON)
def test_everything_is_part_of_itself(value: Any) -> None:
    assert values.difference(value, value) is None


@given(st.dictionaries(st.text(max_size=3), JSON), st.dictionaries(st.text(max_size=3), JSON))
def test_more_keys_make_no_difference(part: dict[str, Any], more: dict[str, Any]) -> None:
    assert values.difference(part, {**more, **part}) is None


@given(st.sampled_from(OPS), JSON, JSON)
def test_no_json_is_a_surprise_to_an_operator(op: str, observed: Any, expected: Any) -> None:
    try:
        assert values.holds(op, observed, expected) in (True, False)
    except Malformed as error:
        assert str(error)
    values.shown(observed)


@given(JSON, JSON)
def test_no_json_is_a_surprise_to_a_tree(expected: Any, observed: Any) -> None:
    found = values.difference(expected, observed)
    assert found is None or all(isinstance(text, str) and text for text in found)


@given(st.text(alphabet="ab.[]()*?&|!<>=@`'\"0:-, ", max_size=12), JSON)
def test_no_path_is_a_surprise(path: str, document: Any) -> None:
    try:
        values.at(path, document)
    except Malformed as error:
        assert "path" in str(error)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_order_is_that_of_the_numbers(one: int, other: int) -> None:
    for op, so in (("lt", one < other), ("le", one <= other), ("gt", one > other)):
        assert values.holds(op, f"{one}m", f"{other}m") is so
        assert values.holds(op, f"{one}s", f"{other}s") is so
