"""Kubernetes quantities as numbers, so that they can be added and compared."""

import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

_QUANTITY: Final = re.compile(r"([+-]?[0-9.]+(?:e[+-]?[0-9]{1,2})?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?")
_SUFFIXES: Final[Mapping[str | None, Decimal]] = {
    **{None: Decimal(1), "m": Decimal("0.001")},
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTP", 1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTP", 1)},
}


def quantity(value: Any) -> Decimal | None:
    """Return a quantity, or a number, as a number; None: it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if not (parts := _QUANTITY.fullmatch(str(value))):
        return None
    try:
        return Decimal(parts[1]) * _SUFFIXES[parts[2]]
    except InvalidOperation:
        return None


def amount(value: Any) -> Decimal:
    """Return a quantity as a number; what is none, or is not there, is nothing."""
    return quantity(value) or Decimal(0)


def total(values: Iterable[Any]) -> Decimal:
    """Return quantities added up."""
    return sum(map(amount, values), Decimal(0))
