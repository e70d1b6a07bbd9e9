"""Whether a credential opens a gateway."""

from typing import Protocol

from tollway.exchange.refusal import Refusal
from tollway.identity.identity import ANONYMOUS, Identity, of_key
from tollway.identity.keys import Key
from tollway.request import Credential
from tollway.snapshot import Snapshot


class Asking(Protocol):
    """As much of a request as says who makes it: an `InferenceRequest`, or what is known before its body is read."""

    @property
    def gateway(self) -> str: ...

    @property
    def credentials(self) -> tuple[Credential, ...]: ...

    @property
    def received_at(self) -> int: ...


def authenticate(request: Asking, snapshot: Snapshot) -> Identity | Refusal:
    """The caller behind the request's credentials, or why there is none.

    An SDK may send several headers (Claude Code sends two); the first that opens the gateway counts. A gateway without
    authentication still learns who is asking from a good key, and takes anyone else in as nobody in particular.
    """
    gateway = snapshot.gateway(request.gateway)
    if gateway is None:
        known = ", ".join(sorted(snapshot.gateways))
        return Refusal(code="gateway_unknown", message=f'No gateway "{request.gateway}"; there are: {known}.')
    refused: Refusal | None = None
    for credential in request.credentials:
        key = snapshot.key(credential.secret)
        if key is not None:
            refused = _why_not(key, request)
            if refused is None:
                return of_key(key)
    if refused is not None:
        return refused
    if gateway.authentication == "none":
        return ANONYMOUS
    if not request.credentials:
        return Refusal(
            code="credential_missing",
            message="No gateway key was sent. Send it where your SDK puts its API key, or as "
            '"tollway-authorization: Bearer <key>".',
        )
    return Refusal(
        code="credential_unknown",
        message="The gateway key is not known here: it was mistyped or revoked, or it is a provider's own key. "
        "Use a key that this gateway's administrator gave you.",
    )


def _why_not(key: Key, request: Asking) -> Refusal | None:
    if not key.enabled:
        return Refusal(code="credential_unknown", rule=key.name, message=f'The key "{key.name}" is switched off.')
    if key.expires_at is not None and request.received_at >= key.expires_at:
        return Refusal(
            code="credential_expired", rule=key.name, message=f'The key "{key.name}" has expired; ask for a new one.'
        )
    if key.gateways and request.gateway not in key.gateways:
        return Refusal(
            code="credential_unknown",
            rule=key.name,
            message=f'The key "{key.name}" does not open the gateway "{request.gateway}".',
        )
    return None
