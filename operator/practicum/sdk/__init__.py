"""Governed changes of a lab from Python: ask, answer, wait, look.

    from practicum.sdk import Lab

    with Lab.connect(lab="ada", persona="ds") as lab:
        change = lab.request("promote", "fraud-dev", version="2", reason="better recall")
        change = change.wait(timeout=300)
        lab.acting_as("reviewer-risk").approve(change)

Everything is synchronous and works in a notebook too. Errors are those of ``practicum.errors``:
``ChangeError`` for what cannot be done as things are, ``Forbidden`` where a policy or RBAC says
no, ``Invalid`` for values that the API server does not take, ``ApiError`` for everything else.
"""

from practicum.errors import ApiError, ChangeError, Conflict, Forbidden, Invalid
from practicum.sdk.lab import Lab
from practicum.sdk.types import Answer, Change, Decision, Evidence, Outcome, Reason, Target

__all__ = [
    "Answer",
    "ApiError",
    "Change",
    "ChangeError",
    "Conflict",
    "Decision",
    "Evidence",
    "Forbidden",
    "Invalid",
    "Lab",
    "Outcome",
    "Reason",
    "Target",
]
