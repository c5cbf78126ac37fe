"""Kubernetes quantities as numbers, so that tests can add and compare them."""

import re
from decimal import Decimal

_UNITS = {"": Decimal(1), "m": Decimal("0.001")}
_UNITS |= {unit: Decimal(1000) ** power for power, unit in enumerate(("k", "M", "G", "T"), 1)}
_UNITS |= {unit: Decimal(1024) ** power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti"), 1)}


def amount(quantity: str) -> Decimal:
    """Return the number that a quantity stands for."""
    match = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", quantity)
    assert match, quantity
    return Decimal(match[1]) * _UNITS[match[2]]
