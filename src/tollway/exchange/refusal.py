"""Saying no in the words of the caller's SDK.

One refusal in the error shape of each API, with the same machine-readable `tollway` object inside. RFC 9110
`Retry-After`; `x-should-retry: false` is what the OpenAI and Anthropic SDKs obey.
"""

from typing import Any, final

import msgspec

from tollway.errors import REASONS
from tollway.providers.eventstream import error_frame
from tollway.request import Dialect


@final
class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request goes no further."""

    code: str
    """A key of `errors.REASONS`."""
    message: str
    rule: str = ""
    retry_after_s: int | None = None
    details: dict[str, Any] = {}
    """Amounts as decimal strings of US dollars, instants as RFC 3339."""
    for_log: str = ""
    """What administrators may know of it and its caller need not."""

    @property
    def status(self) -> int:
        return REASONS[self.code].status


def of_downgraded(refusal: Refusal, *, asked: str, judged: str, budget: str) -> Refusal:
    """The same, naming the model it is about, which `budget` has serve instead of the one asked for."""
    message = (
        f'{refusal.message} It is "{judged}" that was refused, which budget "{budget}" has serve instead of "{asked}".'
    )
    return msgspec.structs.replace(
        refusal, message=message, details={**refusal.details, "asked_model": asked, "judged_model": judged}
    )


def body(refusal: Refusal, dialect: Dialect, request_id: str) -> bytes:
    """The error body the caller's SDK parses."""
    return msgspec.json.encode(_shape(refusal, dialect, request_id))


def event(refusal: Refusal, dialect: Dialect, request_id: str) -> bytes:
    """The same as the last event of a stream that has already begun."""
    shaped = body(refusal, dialect, request_id)
    match dialect:
        case "anthropic":
            return b"event: error\ndata: " + shaped + b"\n\n"
        case "bedrock":
            return error_frame(refusal.status, refusal.message)
        case "ollama":
            return shaped + b"\n"
        case _:
            return b"data: " + shaped + b"\n\n"


def headers(
    refusal: Refusal, request_id: str, *, cf_spelling: bool, dialect: Dialect = "openai"
) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of a refusal. Where a retry may help soon, they always say when."""
    prefix = b"cf-aig-" if cf_spelling else b"tollway-"
    found = [
        (b"content-type", b"application/json"),
        (prefix + b"error", refusal.code.encode()),
        (prefix + b"request-id", request_id.encode()),
        (b"x-should-retry", b"true" if REASONS[refusal.code].retry else b"false"),
    ]
    retry_after_s = refusal.retry_after_s
    if retry_after_s is None and REASONS[refusal.code].retry:
        retry_after_s = _SOON_S
    if retry_after_s is not None:
        found.append((b"retry-after", str(retry_after_s).encode()))
    if refusal.rule and _by_budget(refusal.code):
        found.append((prefix + b"budget", _header_text(refusal.rule)))
    if dialect == "bedrock":
        # AWS's SDKs take the kind of an error from here.
        found.append((b"x-amzn-errortype", _bedrock_type(refusal.status).encode()))
    if refusal.status == 401:
        # RFC 9110, 11.6.1: a 401 names the scheme that would be accepted.
        found.append((b"www-authenticate", b'Bearer realm="tollway"'))
    return tuple(found)


_SOON_S = 1


def _by_budget(code: str) -> bool:
    """Whether the rule of such a refusal is a budget; of others it is a provider or a key."""
    return code.startswith("budget_") or code in ("price_unknown", "request_unbounded")


# Anthropic's and Google's names for a status (their public error references).
_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    409: "invalid_request_error",
    413: "request_too_large",
    415: "invalid_request_error",
    422: "invalid_request_error",
    426: "invalid_request_error",
    429: "rate_limit_error",
    431: "request_too_large",
    500: "api_error",
    502: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_GOOGLE_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_OPENAI_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "insufficient_quota",
}


def _shape(refusal: Refusal, dialect: Dialect, request_id: str) -> dict[str, Any]:
    status = refusal.status
    ours = {"code": refusal.code, "request_id": request_id, **refusal.details}
    if dialect == "anthropic":
        kind = _ANTHROPIC_TYPES.get(status, "api_error")
        return {
            "type": "error",
            "error": {"type": kind, "message": refusal.message, "tollway": ours},
            "request_id": request_id,
        }
    if dialect == "google":
        name = _GOOGLE_STATUSES.get(status, "INVALID_ARGUMENT")
        detail = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": refusal.code.upper(),
            "domain": "tollway",
        }
        return {
            "error": {
                "code": status,
                "message": refusal.message,
                "status": name,
                "details": [detail],
                "tollway": ours,
            }
        }
    if dialect == "bedrock":
        return {"message": refusal.message, "__type": _bedrock_type(status), "tollway": ours}
    if dialect == "cohere":
        return {"id": request_id, "message": refusal.message, "tollway": ours}
    if dialect == "ollama":
        return {"error": refusal.message, "tollway": ours}
    kind = _OPENAI_TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    if refusal.code in ("budget_contended", "credential_limited", "rate_limited"):
        kind = "rate_limit_error"
    return {"error": {"message": refusal.message, "type": kind, "param": None, "code": refusal.code, "tollway": ours}}


_BEDROCK_TYPES = {
    400: "ValidationException",
    401: "AccessDeniedException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    422: "ValidationException",
    429: "ThrottlingException",
    500: "InternalServerException",
    502: "ModelErrorException",
    503: "ServiceUnavailableException",
    504: "ModelTimeoutException",
}


def _bedrock_type(status: int) -> str:
    return _BEDROCK_TYPES.get(status, "ValidationException")


def _header_text(text: str) -> bytes:
    # RFC 9110, 5.5: visible ASCII only; anything else could end the header.
    return "".join(c if " " <= c <= "~" else "?" for c in text).encode()
