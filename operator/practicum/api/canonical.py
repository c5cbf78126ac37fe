"""Canonical JSON and short digests: how Practicum tells whether two things are the same."""

import hashlib
import json
from typing import Any


def canonical(value: Any) -> str:
    """Write JSON with sorted keys and no spaces: equal values, equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any, length: int = 12) -> str:
    """Return the first hexadecimal digits of the SHA-256 of the canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:length]
