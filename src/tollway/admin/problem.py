"""Saying no to an administrator: RFC 9457 problem details, and never a stack trace."""

from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from tollway.errors import SettingsInvalid, StoreUnavailable

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """Why an admin request goes no further."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


class ProblemDocument(BaseModel):
    """RFC 9457 problem details, with a machine-readable `code`."""

    status: int
    code: str = Field(examples=["parameter_unknown"])
    title: str
    detail: str


_TITLES = {
    "credential_missing": "No administrator token",
    "credential_unknown": "Not the administrator token",
    "parameter_unknown": "Unknown query parameter",
    "parameter_invalid": "Query parameter with a value it cannot have",
    "body_invalid": "Body that cannot be used",
    "body_too_large": "Body larger than the control plane takes",
    "record_unknown": "No such request",
    "budget_unknown": "No such budget",
    "key_unknown": "No such key",
    "model_unknown": "No such model in the price book",
    "rerate_changed": "The corrections would be others than those previewed",
    "path_unknown": "Nothing is served at that path",
    "method_not_allowed": "Method not allowed",
    "settings_invalid": "Settings that cannot be used",
    "store_unavailable": "The store cannot be read or written now",
    "internal_error": "A defect in Tollway",
}
_STATUS_CODES = {404: "path_unknown", 405: "method_not_allowed"}


def body(problem: Problem) -> bytes:
    """The problem document."""
    return msgspec.json.encode(
        {
            "type": "about:blank",
            "status": problem.status,
            "code": problem.code,
            "title": _TITLES[problem.code],
            "detail": problem.detail,
        }
    )


def headers(problem: Problem) -> dict[str, str]:
    """Beside the content type."""
    found = {"cache-control": "no-store"}
    if problem.status == 401:
        # RFC 9110, 11.6.1: a 401 names the scheme that would be accepted.
        found["www-authenticate"] = 'Bearer realm="tollway admin"'
    if problem.status == 503:
        found["retry-after"] = "1"
    return found


def answer(problem: Problem) -> Response:
    return Response(body(problem), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers(problem))


async def of_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(error)


async def of_validation(_: Request, error: Exception) -> Response:
    """The first thing wrong with the query or the body, with the field's name; values are not echoed."""
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = error.errors()[0]
    place, *field = (str(part) for part in first["loc"])
    name = ".".join(field)
    if first["type"] == "parameter_unknown" or (first["type"] == "extra_forbidden" and place == "query"):
        return answer(Problem(400, "parameter_unknown", _unknown(first, name)))
    if place == "body":
        said = f"{name}: {first['msg']}." if name else f"{first['msg']}."
        return answer(Problem(400, "body_invalid", said))
    return answer(Problem(400, "parameter_invalid", f"{name}: {first['msg']}."))


async def of_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _STATUS_CODES.get(error.status_code, "internal_error")
    detail = {
        "path_unknown": "Nothing is served there; /api/openapi.json lists what is.",
        "method_not_allowed": "The path does not take that method; /api/openapi.json lists what it takes.",
    }.get(code, "Tollway failed on this request; its log says why.")
    found = answer(Problem(error.status_code, code, detail))
    if error.headers and "allow" in {name.lower() for name in error.headers}:
        found.headers["allow"] = next(value for name, value in error.headers.items() if name.lower() == "allow")
    return found


async def of_defect(_: Request, __: Exception) -> Response:
    """The framework raises the error again behind this answer; the guard logs it."""
    return answer(Problem(500, "internal_error", "Tollway failed on this request; its log says why."))


async def of_settings(_: Request, error: Exception) -> Response:
    assert isinstance(error, SettingsInvalid)
    return answer(Problem(422, "settings_invalid", str(error)))


async def of_store(_: Request, error: Exception) -> Response:
    assert isinstance(error, StoreUnavailable)
    return answer(Problem(503, "store_unavailable", "The store cannot be read or written now. Try again shortly."))


def _unknown(first: dict[str, Any], name: str) -> str:
    if first["type"] == "parameter_unknown":
        return str(first["msg"])
    return f'There is no query parameter "{name}" here; /api/openapi.json lists those there are.'
