"""Every reason for which Tollway says no, in one table, and the few exceptions for what is broken.

An expected outcome (no budget left, a model that is not priced) is a value with one of the codes below. An exception
is for what cannot go on: settings that do not parse, a store that cannot be opened.

    TollwayError
    ├── MoneyInvalid       text that is not an amount of US dollars
    ├── UsageInvalid       a reported part exceeds its whole
    ├── SettingsInvalid    a settings document with an unknown field, a missing secret, a wrong value
    ├── WindowInvalid      a window that no calendar has
    ├── StoreUnavailable   the ledger cannot be read or written now
    ├── FetchFailed        an identity provider did not answer as it should (proxy/fetch.py)
    ├── IssuerUnavailable  an identity provider cannot be asked now (proxy/jwks.py)
    ├── CredentialsUnavailable  a provider's own credentials cannot be obtained (proxy/signing/signer.py)
    └── Broken             a provider's answer broke off after its head (proxy/transport.py)
"""

from typing import NamedTuple


class TollwayError(Exception):
    """The root of what Tollway raises."""


_LONGEST_SAID = 60
"""Characters of what was written that an error repeats."""


class MoneyInvalid(TollwayError, ValueError):
    """Text that does not name an amount of US dollars."""

    def __init__(self, text: object) -> None:
        said = repr(text)
        # A digit too many is seen at the end of a number; of what is longer, the beginning says enough.
        said = said if len(said) <= _LONGEST_SAID else f"{said[:_LONGEST_SAID]}…"
        super().__init__(
            f'{said} is not an amount of US dollars; write a decimal string with at most nine places, such as "12.50"'
        )


class UsageInvalid(TollwayError, ValueError):
    """A part of a usage report exceeds its whole."""


class SettingsInvalid(TollwayError, ValueError):
    """A settings document that cannot be used; the message names the field, the value and the way out."""


class WindowInvalid(TollwayError, ValueError):
    """A window that no calendar has."""


class StoreUnavailable(TollwayError):
    """The ledger cannot be read or written now."""


class Reason(NamedTuple):
    """What a refusal code means to a caller."""

    status: int
    retry: bool
    """Whether the same request may succeed soon; `False` is told to SDKs as `x-should-retry: false`."""
    meaning: str


REASONS: dict[str, Reason] = {
    "credential_missing": Reason(401, False, "no gateway key was sent"),
    "credential_unknown": Reason(401, False, "the gateway key is not known, or was revoked"),
    "sign_in_failed": Reason(401, False, "the identity provider did not sign the person in, or the sign-in has ended"),
    "sign_in_unavailable": Reason(
        503, True, "nobody can sign in now: the identity provider does not answer, or none is set"
    ),
    "credential_expired": Reason(401, False, "the gateway key, or the token, has expired"),
    "token_invalid": Reason(401, False, "the token is not one that its issuer has made for this gateway"),
    "issuer_unavailable": Reason(503, True, "the token's issuer cannot be asked, so the token cannot be checked"),
    "credential_ambiguous": Reason(401, False, "a credential was sent twice, or only half of a service token"),
    "credential_limited": Reason(429, False, "too many bad credentials came from that address; good ones still open"),
    "address_not_allowed": Reason(403, False, "the key may not be used from that address"),
    "gateway_unknown": Reason(404, False, "no gateway of that name"),
    "provider_unknown": Reason(404, False, "no provider of that name is configured"),
    "provider_key_missing": Reason(401, False, "no provider key is configured, and the caller sent none"),
    "provider_key_unknown": Reason(400, False, "the provider has no key of the alias that was asked for"),
    "path_unknown": Reason(404, False, "Tollway serves nothing at that path"),
    "path_invalid": Reason(400, False, "the path has empty, dotted or encoded segments"),
    "framing_invalid": Reason(400, False, "the request has no Host, or two, or a transfer coding other than chunked"),
    "method_not_allowed": Reason(405, False, "the path does not take that method"),
    "websocket_unsupported": Reason(426, False, "WebSockets are not served here; use HTTP"),
    "realtime_unsupported": Reason(
        400, False, "realtime sessions are not served: nothing could hold or meter their cost"
    ),
    "body_invalid": Reason(400, False, "the body is not the JSON this API takes"),
    "body_too_large": Reason(413, False, "the body is larger than the gateway takes"),
    "body_timeout": Reason(408, True, "the body did not arrive in time"),
    "body_encoded": Reason(415, False, "the body is compressed; send it plain"),
    "headers_too_large": Reason(431, False, "the headers are larger than the gateway takes"),
    "metadata_invalid": Reason(400, False, "the metadata header is not a flat JSON object of five scalars at most"),
    "custom_cost_invalid": Reason(400, False, "the custom cost is not the JSON that says what a request costs"),
    "custom_cost_forbidden": Reason(403, False, "the key may not say what its requests cost"),
    "model_missing": Reason(400, False, "the request names no model"),
    "model_unknown": Reason(404, False, "no configured provider serves that model name"),
    "model_ambiguous": Reason(400, False, "several configured providers serve that model name"),
    "policy_denied": Reason(403, False, "a policy blocks the request, or none permits it"),
    "model_not_allowed": Reason(403, False, "the key may not use that model"),
    "translation_unsupported": Reason(400, False, "the provider of that model speaks another API"),
    "budget_exceeded": Reason(429, False, "a budget is spent"),
    "budget_frozen": Reason(429, False, "an account of a budget was frozen by an administrator"),
    "budget_legs": Reason(422, False, "more than 32 accounts of budgets count the request"),
    "budget_contended": Reason(429, True, "a budget is held by requests under way, not spent"),
    "budget_store_unavailable": Reason(503, True, "the ledger cannot be written"),
    "rate_limited": Reason(429, True, "a rate limit is reached; it says when to come back"),
    "rate_unreachable": Reason(
        422, False, "the request is likely to use more tokens than a rate limit allows in a whole window"
    ),
    "job_unknown": Reason(404, False, "no such batch or file, or none of the caller's"),
    "job_open": Reason(409, False, "the results of the batch have not been read yet, so it cannot be deleted"),
    "cache_invalid": Reason(400, False, "a header asks the cache for what it does not do"),
    "idempotency_invalid": Reason(400, False, "the Idempotency-Key is empty, too long or not printable"),
    "idempotency_in_progress": Reason(409, True, "the first request with that Idempotency-Key is still under way"),
    "idempotency_mismatch": Reason(422, False, "the Idempotency-Key belongs to another request"),
    "idempotency_interrupted": Reason(
        409, False, "the first request with that Idempotency-Key may have been billed, and its answer is not here"
    ),
    "price_unknown": Reason(422, False, "the model has no price, and a budget must hold its cost"),
    "request_unbounded": Reason(422, False, "the cost of the request has no bound, and a budget must hold it"),
    "header_invalid": Reason(400, False, "a header that says how to handle the request has a value it cannot have"),
    "route_unanswered": Reason(502, True, "a dynamic route ended without an answer"),
    "upstream_resting": Reason(503, True, "the target has failed so often that it is left alone for a while"),
    "credentials_unavailable": Reason(502, True, "the provider's own credentials cannot be obtained; nothing was sent"),
    "upstream_unreachable": Reason(502, True, "the provider could not be reached"),
    "upstream_timeout": Reason(504, True, "the provider did not answer in time"),
    "upstream_invalid": Reason(502, True, "the provider's answer broke off or is not HTTP"),
    "shutting_down": Reason(503, True, "this gateway is shutting down"),
    "overloaded": Reason(503, True, "the gateway has too many requests under way"),
    "internal_error": Reason(500, True, "a defect in Tollway"),
}
"""Code → what it means. The dialects, the documentation and `tollway explain` read this table."""
