"""Compares what was observed with what is expected. Pure; whatever it is given is no surprise."""

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import durationpy
import jmespath
import re2
from jmespath.exceptions import JMESPathError

from practicum.api.looks.terms import Assertion
from practicum.api.quantities import quantity

_DURATION: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|h|m|s))+")
_WORDS: Final = {
    **{"eq": "is", "ne": "is not", "lt": "is below", "le": "is at most", "gt": "is above"},
    **{"ge": "is at least", "in": "is one of", "contains": "contains", "matches": "matches"},
    **{"len": "has as many entries as"},
}
_QUIETLY: Final = re2.Options()
_QUIETLY.log_errors = False


class Malformed(Exception):
    """A check says something that cannot be evaluated: its author's mistake."""


def _comparable(one: Any, other: Any) -> tuple[Any, Any] | None:
    """Return both as what they are: quantities, durations or texts; None: they do not compare."""
    numbers = quantity(one), quantity(other)
    if None not in numbers:
        return numbers
    if not (isinstance(one, str) and isinstance(other, str)):
        return None
    if _DURATION.fullmatch(one) and _DURATION.fullmatch(other):
        try:
            return durationpy.from_str(one), durationpy.from_str(other)
        except (ValueError, OverflowError):
            return None
    return one, other


def equal(one: Any, other: Any) -> bool:
    """Whether two values mean the same: 500m is 0.5, and 1Gi is 1024Mi."""
    if one == other and isinstance(one, bool) == isinstance(other, bool):
        return True
    pair = _comparable(one, other)
    return pair is not None and bool(pair[0] == pair[1])


def holds(op: str, observed: Any, expected: Any) -> bool:
    """Whether one value stands to another as an operator says.

    Raises:
        Malformed: the expected value makes no sense for the operator.
    """
    return _OPERATORS[op](observed, expected)


def _ordered(order: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool]:
    def compared(observed: Any, expected: Any) -> bool:
        pair = _comparable(observed, expected)
        return pair is not None and bool(order(*pair))

    return compared


def _among(observed: Any, expected: Any) -> bool:
    if not isinstance(expected, list):
        raise Malformed(f"in takes a list, not {shown(expected)}")
    return any(equal(observed, one) for one in expected)


def _contains(observed: Any, expected: Any) -> bool:
    if isinstance(observed, str):
        return str(expected) in observed
    return isinstance(observed, list) and any(equal(one, expected) for one in observed)


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text, by RE2: in time that grows as the text does.

    Raises:
        Malformed: it is no pattern, as RE2 has them: without look-around and back-references.
    """
    try:
        return re2.compile(pattern, _QUIETLY).search(text) is not None
    except re2.error as error:
        why = error.args[0].decode("utf-8", "replace")
        raise Malformed(f"{pattern!r} is not a pattern: {why}") from error


def _matches(observed: Any, expected: Any) -> bool:
    return matches(str(expected), _text(observed))


def _has(observed: Any, expected: Any) -> bool:
    return isinstance(observed, Sequence | Mapping) and len(observed) == expected


_OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": equal,
    "ne": lambda observed, expected: not equal(observed, expected),
    "lt": _ordered(operator.lt),
    "le": _ordered(operator.le),
    "gt": _ordered(operator.gt),
    "ge": _ordered(operator.ge),
    "in": _among,
    "contains": _contains,
    "matches": _matches,
    "exists": lambda observed, expected: (observed is not None) is (expected is not False),
    "len": _has,
}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else shown(value)


def parsed(path: str, text: str) -> Any:
    """Return the JSON of a file that checks refer to.

    Raises:
        Malformed: it is none.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise Malformed(f"asset {path} is no JSON: {error}") from error


def at(path: str, document: Any) -> Any:
    """Return what a JMESPath finds.

    Raises:
        Malformed: it is not one.
    """
    try:
        return jmespath.search(path, document)
    except (JMESPathError, ValueError, TypeError, ArithmeticError) as error:
        raise Malformed(f"path {path!r}: {error}") from error


def violation(assertions: Sequence[Assertion], document: Any) -> tuple[str, str] | None:
    """Return what is expected and what was observed by the first assertion that does not hold.

    Raises:
        Malformed: an assertion cannot be evaluated.
    """
    for one in assertions:
        observed = at(one.path, document)
        if not holds(one.op, observed, one.value):
            return expectation(one), f"{one.path} is {shown(observed)}"
    return None


def expectation(one: Assertion) -> str:
    """Say what an assertion expects."""
    if one.op == "exists":
        return f"{one.path} {'is there' if one.value is not False else 'is not there'}"
    return f"{one.path} {_WORDS[one.op]} {shown(one.value)}"


def difference(expected: Any, observed: Any, path: str = "") -> tuple[str, str] | None:
    """Return where a tree is not part of another: what is expected and what is there.

    Keys that the expected tree leaves out may be anything; ``"*"`` stands for anything that is
    there. Of a list, each expected entry has to be part of some entry.
    """
    if expected == "*":
        return None if observed not in (None, "") else (f"{path} is there", f"{path} is not there")
    if isinstance(expected, Mapping):
        return _missing_keys(expected, observed, path)
    if isinstance(expected, list):
        entries = observed if isinstance(observed, list) else []
        for wanted in expected:
            if all(difference(wanted, one) for one in entries):
                return f"{path} has {shown(wanted)}", f"{path} is {shown(observed)}"
        return None
    if equal(expected, observed):
        return None
    return f"{path} is {shown(expected)}", f"{path} is {shown(observed)}"


def _missing_keys(expected: Mapping[str, Any], observed: Any, path: str) -> tuple[str, str] | None:
    if not isinstance(observed, Mapping):
        return f"{path or 'it'} is an object", f"{path or 'it'} is {shown(observed)}"
    for key, value in expected.items():
        here = f"{path}.{key}" if path else str(key)
        if found := difference(value, observed.get(key), here):
            return found
    return None


def shown(value: Any, most: int = 160) -> str:
    """Return a value as people read it, shortened."""
    if value is None:
        return "not there"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= most else f"{text[: most - 1]}…"
