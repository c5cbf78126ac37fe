"""Errors as callers see them: one shape for all (RFC 9457), with a code and the control."""

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

MEANINGS = {
    401: "Nobody knows the token",
    403: "Policy refuses the call",
    404: "There is no such thing",
    422: "The request is malformed",
    429: "The tenant calls too often",
    503: "A service behind the platform does not answer",
}


class ProblemBody(BaseModel):
    """What every error looks like."""

    title: str
    status: int
    code: str
    detail: str
    control: str = ""


class Problem(Exception):
    """An error that becomes an answer."""

    def __init__(self, status: int, code: str, detail: str, control: str = "") -> None:
        super().__init__(detail)
        self.body = ProblemBody(
            title=MEANINGS[status], status=status, code=code, detail=detail, control=control
        )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of an operation, for OpenAPI."""
    return {one: {"description": MEANINGS[one], "model": ProblemBody} for one in statuses}


def answer(body: ProblemBody) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if body.status == 401 else None
    kind = "application/problem+json"
    return JSONResponse(body.model_dump(), body.status, headers, media_type=kind)


async def told(_: Request, error: Problem) -> JSONResponse:
    return answer(error.body)


async def malformed(_: Request, error: Any) -> JSONResponse:
    first = error.errors()[0]
    detail = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return answer(Problem(422, "MALFORMED", detail).body)
