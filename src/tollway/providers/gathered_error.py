"""An error in the middle of a stream, as the answer that the provider would have given instead."""

from __future__ import annotations

import msgspec

from tollway.providers.answer import Values, text, values
from tollway.providers.gathered_pieces import number_of

_STATUSES = {
    "invalid_request_error": 400,
    "invalid_request": 400,
    "bad_request": 400,
    "badrequesterror": 400,
    "invalid_prompt": 400,
    "failed_precondition": 400,
    "invalid_argument": 400,
    "tool_use_failed": 400,
    "context_length_exceeded": 400,
    "authentication_error": 401,
    "unauthenticated": 401,
    "billing_error": 402,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "not_found": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "rate_limit": 429,
    "insufficient_quota": 429,
    "resource_exhausted": 429,
    "tokens": 429,
    "requests": 429,
    "api_error": 500,
    "server_error": 500,
    "internal": 500,
    "internal_server_error": 500,
    "unavailable": 503,
    "service_unavailable": 503,
    "timeout_error": 504,
    "deadline_exceeded": 504,
    "overloaded_error": 529,
}
"""Types, codes and statuses of errors in OpenAI's, Anthropic's and Google's APIs, in small letters."""
_NUMBERS = ("status_code", "code", "status", "http_status")
_NAMES = ("type", "code", "status")
_ASIDE = frozenset({"sequence_number", "type", "object", "event_id"})


class Failed(msgspec.Struct, frozen=True):
    """The provider's error, as an answer of its own."""

    status: int
    body: bytes


def failed(event: Values, *, named: bool = False) -> Failed | None:
    """The error that `event` is; None where it is none. `named`: the stream itself calls the event an error."""
    error = event.get("error")
    if error is not None and bytes(error) in (b"null", b'""', b"{}", b"[]"):
        error = None
    kind = text(event.get("type"))
    if error is not None and text(event.get("object")) != "response":
        # Anthropic's errors have their type, and the request's id, beside them.
        body = event if kind == "error" and event.keys() <= {"type", "error", "request_id"} else {"error": error}
        return Failed(_status(values(error) if bytes(error).startswith(b"{") else {}, event), msgspec.json.encode(body))
    if error is not None or not (named or kind == "error" or text(event.get("object")) == "error"):
        return None
    flat = {name: raw for name, raw in event.items() if name not in _ASIDE}
    status = _status(flat, {})
    said = kind if kind not in (None, "error") else None
    named_type = said or ("invalid_request_error" if status < 500 else "server_error")
    return Failed(status, msgspec.json.encode({"error": {"type": named_type, **flat}}))


def _status(error: Values, event: Values) -> int:
    return status_told(error, event) or 500


def status_told(error: Values, event: Values) -> int | None:
    """Its HTTP status: the number it carries, or what its type stands for; `None` where it has neither."""
    for found in (error, event):
        for name in _NUMBERS:
            raw = found.get(name)
            number = number_of(msgspec.Raw(bytes(raw).strip(b'"'))) if raw is not None else None
            if number is not None and 400 <= number < 600:
                return number
    for name in _NAMES:
        status = _STATUSES.get((text(error.get(name)) or "").lower())
        if status is not None:
            return status
    return None
