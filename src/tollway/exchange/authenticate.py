"""Whether a credential opens a gateway."""

from collections.abc import Mapping
from typing import Protocol

from tollway.exchange.refusal import Refusal
from tollway.identity.addresses import is_within
from tollway.identity.identity import ANONYMOUS, Identity, of_key
from tollway.identity.jwt import looks_like_token
from tollway.identity.keys import Key, is_miscopied, looks_like_ours
from tollway.identity.secrets import ACCESS
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

    @property
    def peer(self) -> str: ...


Tokens = Mapping[str, Identity | Refusal]
"""What the tokens among a request's credentials prove (`proxy/issuers.py` asks their issuers): text → answer."""
NO_TOKENS: Tokens = {}


def carries_token(request: Asking, snapshot: Snapshot) -> bool:
    """Whether a credential may be a token of an issuer. Costs the bearer of a gateway key next to nothing."""
    return bool(snapshot.issuers) and any(looks_like_token(credential.secret) for credential in request.credentials)


def authenticate(request: Asking, snapshot: Snapshot, tokens: Tokens = NO_TOKENS) -> Identity | Refusal:
    """The caller behind the request's credentials, or why there is none.

    `tokens`: what was found out of its tokens; a token of a known issuer that is missing there opens nothing, not even an
    open gateway.

    An SDK may send several headers (Claude Code sends two); the first that opens the gateway counts. A gateway without
    authentication still learns who is asking from a good key, and takes anyone else in as nobody in particular; but not
    who says, with a service token or a key of this make, to be somebody, and is not.

    A secret is looked up by its HMAC under the pepper, in a dict. What a look-up takes may tell how far two digests agree,
    and nobody without the pepper can choose a digest, or learn a secret from one: so the known and the unknown need no
    comparison of their own in constant time, and the HMAC is computed for both.
    """
    gateway = snapshot.gateway(request.gateway)
    if gateway is None:
        known = ", ".join(sorted(snapshot.gateways))
        return Refusal(code="gateway_unknown", message=f'No gateway "{request.gateway}"; there are: {known}.')
    refused: Refusal | None = None
    claimed = False
    for credential in request.credentials:
        secret, client = credential.secret, credential.client
        found = _of_key(credential, request, snapshot)
        if found is None:
            claimed = claimed or client is not None or looks_like_ours(secret)
            if client is None and snapshot.issuers and looks_like_token(secret):
                found = _of_token(secret, request, snapshot, tokens)
        if type(found) is Identity:
            return found
        refused = refused or found
    if refused is not None:
        return refused
    if gateway.authentication == "none" and not claimed:
        return ANONYMOUS
    if not request.credentials:
        return Refusal(
            code="credential_missing",
            message="No gateway key was sent. Send it where your SDK puts its API key, or as "
            '"tollway-authorization: Bearer <key>".',
        )
    if carries_token(request, snapshot):
        names = ", ".join(sorted(f'"{issuer.name}"' for issuer in snapshot.issuers.all() if issuer.enabled))
        return Refusal(
            code="credential_unknown",
            message=f"The token cannot be read, or its issuer is not known here. Use one of {names or 'a known issuer'}.",
        )
    if any(credential.secret.startswith(ACCESS) for credential in request.credentials):
        return Refusal(
            code="credential_unknown",
            message="This login has ended, or its token was mistyped. Sign in again: tollway login, or /login in Claude Code.",
        )
    return Refusal(
        code="credential_unknown",
        message="The gateway key is not known here: it was mistyped or revoked, or it is a provider's own key. "
        "Use a key that this gateway's administrator gave you.",
    )


def opens(credential: Credential, request: Asking, snapshot: Snapshot) -> bool:
    """Whether a credential is a key that opens the gateway, so that nothing behind it is looked at."""
    return isinstance(_of_key(credential, request, snapshot), Identity)


def _of_key(credential: Credential, request: Asking, snapshot: Snapshot) -> Identity | Refusal | None:
    """Whose a key is, or why it opens nothing; `None` for what is none that is known here."""
    secret, client = credential.secret, credential.client
    # The checksum comes before any look-up.
    key = None if looks_like_ours(secret) and is_miscopied(secret) else snapshot.key(secret)
    if key is None or (client is not None and client != (key.client_id or None)):
        return None
    return _why_not(key, request) or of_key(key)


def _of_token(secret: str, request: Asking, snapshot: Snapshot, tokens: Tokens) -> Identity | Refusal | None:
    """Whose a token is, or why it opens nothing; `None` where it is of no issuer that is known here."""
    answer = tokens.get(secret)
    if answer is None:
        if not snapshot.issuers.made(secret):
            return None
        return Refusal(
            code="issuer_unavailable", message="The token was not checked, so it opens nothing. Try again shortly."
        )
    if isinstance(answer, Identity) and not is_for(answer, request):
        return Refusal(
            code="credential_unknown",
            message=f'Tokens of this issuer do not open the gateway "{request.gateway}", only {", ".join(answer.gateways)}.',
        )
    return answer


def is_for(identity: Identity, request: Asking) -> bool:
    """Whether a token of somebody opens the gateway that is asked."""
    return not identity.gateways or request.gateway in identity.gateways


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
    if key.addresses and not is_within(request.peer, key.addresses):
        return Refusal(
            code="address_not_allowed",
            rule=key.name,
            message=f'The key "{key.name}" may not be used from {request.peer or "an address that is not known"}; its '
            "administrator decides from where.",
        )
    return None
