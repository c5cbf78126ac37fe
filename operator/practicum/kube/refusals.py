"""What the API server says when it refuses, as one of our errors."""

import json
from collections.abc import Mapping

from practicum import errors

_BY_STATUS: Mapping[int, type[errors.ApiError]] = {
    400: errors.Invalid,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    422: errors.Invalid,
}


def refusal(
    method: str, url: str, status: int, raw: bytes, retry_after: str | None
) -> errors.ApiError:
    """Translate an answer of 300 and more into one of our errors."""
    try:
        body = json.loads(raw)
        reason, message = body.get("reason") or "Error", body.get("message") or ""
    except (ValueError, AttributeError):
        reason, message = "Error", raw[:200].decode("utf-8", "replace")
    seconds = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
    kind = _BY_STATUS.get(status, errors.ApiError)
    text = message or f"{method} {url} answered {status}"
    return kind(status, reason, text, retry_after=seconds)
