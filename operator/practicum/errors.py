"""Errors that cross a layer, each carrying what a user is told about it.

``reason`` is CamelCase and ends up as a condition's or an Event's reason; ``str(error)`` is the
message and names the object, the value and the remedy.
"""

from collections.abc import Sequence

_TOLD = 4
"""So many problems of a roster are in its one message; all of them are in its ``problems``."""


class PracticumError(Exception):
    """Root of every error that this package raises on purpose."""

    reason = "Error"


class InvalidLab(PracticumError):
    """The LabEnvironment asks for something that cannot be given until its spec is changed."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class TemplateError(PracticumError):
    """A LabTemplate does not render, or renders something that the guard refuses."""

    reason = "TemplateInvalid"


class RosterInvalid(PracticumError):
    """A roster cannot be read as it is; ``problems`` are all that is wrong with it, a line each."""

    reason = "RosterInvalid"

    def __init__(self, problems: Sequence[str]) -> None:
        more = len(problems) - _TOLD
        told = [*problems[:_TOLD], *([f"and {more} more"] if more > 0 else [])]
        super().__init__(f"the roster cannot be read: {'; '.join(told)}")
        self.problems = tuple(problems)


class ServiceError(PracticumError):
    """A service of a lab did not answer, or not in a way that may be used."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ArchiveError(PracticumError):
    """An archive cannot be made, read or taken away as things are; it is tried again."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ChangeError(PracticumError):
    """A governed change cannot be asked for, answered or followed as things are."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ApiError(PracticumError):
    """The API server refused or failed; ``status`` is the HTTP code, 0 when it was unreachable."""

    def __init__(self, status: int, reason: str, message: str, *, retry_after: float = 0) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        """Whether the same request may well succeed a little later."""
        return self.status in (0, 408, 429) or self.status >= 500


class NotFound(ApiError):
    """HTTP 404: the object or its kind does not exist."""


class Conflict(ApiError):
    """HTTP 409: it exists already, or a uid or resourceVersion precondition failed."""


class Forbidden(ApiError):
    """HTTP 403: RBAC, an admission policy or a quota says no."""


class Invalid(ApiError):
    """HTTP 400 or 422: the object does not pass validation."""
