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

    def __init__(self, status: int, code: str, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
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
    "analytics_not_ready": "Rollups are being made",
    "range_too_long": "More rows than can be read at once",
    "records_deleted": "Requests that are not in the log any more",
    "parquet_unavailable": "Parquet cannot be written here",
    "view_unknown": "No such view",
    "view_exists": "A view of that name is there already",
    "views_full": "As many views of one's own as there may be",
    "record_unknown": "No such request",
    "body_not_kept": "Nothing is kept of that body",
    "budget_unknown": "No such budget",
    "budget_elsewhere": "Budget that is written elsewhere in the settings",
    "account_unknown": "No such account of the budget",
    "account_not_frozen": "The account is not frozen",
    "increase_unknown": "No such increase",
    "forbidden": "Not allowed to this role",
    "request_forged": "A change from another page",
    "too_many_attempts": "Too many wrong credentials",
    "issuer_unavailable": "The identity provider cannot be asked now",
    "sign_in_unavailable": "Nobody can sign in this way",
    "sign_in_failed": "The sign-in did not succeed",
    "host_unknown": "The address of this gateway is not known",
    "user_unknown": "No such local administrator",
    "anchors_unavailable": "The anchors of the audit log cannot be checked now",
    "user_changed": "The user was changed meanwhile",
    "user_taken": "The name is in use",
    "provider_unknown": "No such provider",
    "provider_key_unknown": "No such key of a provider",
    "provider_signs": "A provider that takes no key",
    "gateway_unknown": "No such gateway",
    "master_key_unavailable": "The master key cannot be used now",
    "master_key_elsewhere": "The master key is kept elsewhere",
    "key_unknown": "No such key",
    "key_taken": "The name is in use",
    "key_limit": "As many keys of one's own as there may be",
    "key_ended": "The key has ended for good",
    "key_of_settings": "Key that is written in the settings",
    "login_unknown": "No such login",
    "model_unknown": "No such model in the price book",
    "alert_unknown": "No such alert",
    "channel_unknown": "No such channel in the settings",
    "override_unknown": "No such price in the settings",
    "header_invalid": "Header with a value it cannot have",
    "revision_stale": "The settings are at another revision",
    "settings_changed": "The settings file is not what is in force",
    "settings_not_written": "The settings file cannot be written",
    "statement_unknown": "Nothing was charged",
    "statement_frozen": "The month is frozen already",
    "statement_zone": "Months are frozen in another time zone",
    "statement_damaged": "A frozen statement is not what was frozen",
    "statement_too_long": "More lines than statements can have",
    "month_not_over": "The month is not over",
    "pdf_unavailable": "PDF cannot be made here",
    "adjustment_beyond": "The ledger takes on no such sum",
    "adjustment_taken": "An adjustment of that id is there already",
    "rerate_changed": "The corrections would be others than those previewed",
    "path_unknown": "Nothing is served at that path",
    "method_not_allowed": "Method not allowed",
    "policy_exists": "A policy of that id is there already",
    "policy_invalid": "A policy that cannot be used",
    "policy_staged": "A policy that was never committed",
    "rate_limit_unknown": "No such rate limit",
    "rate_limit_elsewhere": "The rate limit is written elsewhere",
    "policy_unknown": "No such policy",
    "export_job_unknown": "No such export job",
    "export_job_paused": "The export job is switched off",
    "route_changed": "The route was changed meanwhile",
    "route_exists": "A route of that name is there already",
    "route_invalid": "A route that cannot be used",
    "route_unknown": "No such route",
    "version_unknown": "No such version of the route",
    "revision_unknown": "No such revision of the settings",
    "settings_invalid": "Settings that cannot be used",
    "store_unavailable": "The store cannot be read or written now",
    "overloaded": "Too much is under way",
    "internal_error": "A defect in Tollway",
}
_STATUS_CODES = {400: "body_invalid", 404: "path_unknown", 405: "method_not_allowed"}


def body(problem: Problem) -> bytes:
    """The problem document."""
    return msgspec.json.encode(
        {
            "type": "about:blank",
            "status": problem.status,
            "code": problem.code,
            "title": _TITLES[problem.code],
            # Half a surrogate pair, which JSON can be sent with, is no text; it is told as it would be written.
            "detail": problem.detail.encode(errors="backslashreplace").decode(),
        }
    )


def headers(problem: Problem) -> dict[str, str]:
    """Beside the content type."""
    found = {"cache-control": "no-store"}
    if problem.status == 401:
        # RFC 9110, 11.6.1: a 401 names the scheme that would be accepted.
        found["www-authenticate"] = 'Bearer realm="tollway admin"'
    retry_after_s = 1 if problem.status == 503 and problem.retry_after_s is None else problem.retry_after_s
    if retry_after_s is not None:
        found["retry-after"] = str(retry_after_s)
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
    if place == "body" and not field and first["type"] in ("dict_type", "model_attributes_type"):
        # Also what the framework says of JSON that is sent as a form, as curl does unless it is told.
        said = "The body is not a JSON object; send one, with the header Content-Type: application/json."
        return answer(Problem(400, "body_invalid", said))
    said = _said(first, name)
    said = f"{name}: {said}." if name else f"{said}."
    return answer(Problem(400, "body_invalid" if place == "body" else "parameter_invalid", said))


async def of_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _STATUS_CODES.get(error.status_code, "internal_error")
    detail = {
        # The framework's own 400: a body whose bytes are not even text.
        "body_invalid": "The body is not JSON in UTF-8.",
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
    return answer(unavailable())


def unavailable() -> Problem:
    """What is said while the store cannot be read or written."""
    return Problem(503, "store_unavailable", "The store cannot be read or written now. Try again shortly.")


def _said(first: dict[str, Any], name: str) -> str:
    """What is wrong with a value, and the way out where the framework tells none."""
    # It puts these words before what a check of our own says.
    said = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "string_type":
        # A number of JSON may be read as a float on its way, and money is none.
        return (
            f'{said}; write it in quotes, such as "12.50"' if name.endswith("_usd") else f"{said}; write it in quotes"
        )
    return said


def _unknown(first: dict[str, Any], name: str) -> str:
    if first["type"] == "parameter_unknown":
        return str(first["msg"])
    return f'There is no query parameter "{name}" here; /api/openapi.json lists those there are.'
