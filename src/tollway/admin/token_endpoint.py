"""Asking the token endpoint of an identity provider, in the ways that there are of proving who asks."""

import base64
import logging
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote_plus, urlencode

import msgspec

from tollway.exchange.refusal import Refusal
from tollway.identity.issuer import Issuer
from tollway.proxy.fetch import Allowed, Fetched, FetchFailed
from tollway.proxy.issuers import Issuers
from tollway.proxy.jwks import IssuerUnavailable

log = logging.getLogger("tollway.admin")

_LATER = frozenset({"temporarily_unavailable", "slow_down", "server_error"})


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6749, 5.1, as far as it is used."""

    id_token: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None

    def __repr__(self) -> str:
        return "Said(…)"


class Denied(NamedTuple):
    """No token."""

    refusal: Refusal
    error: str | None = None
    """As RFC 6749, 5.2 names it, where the identity provider said so itself."""


class _Failed(msgspec.Struct, frozen=True):
    error: str | None = None


async def ask_tokens(issuers: Issuers, issuer: Issuer, form: Mapping[str, str], now: int) -> Said | Denied:
    """What the token endpoint says (RFC 6749, 4.1.4)."""
    try:
        endpoints = await issuers.discover(issuer, now)
        if endpoints.token_endpoint is None:
            raise FetchFailed("it names no token endpoint")
        answer = await _post(issuers, issuer, endpoints.token_endpoint, form, basic=issuer.client_secret is not None)
        if issuer.client_secret is not None and answer.status in (400, 401) and _error(answer) == "invalid_client":
            # RFC 6749, 2.3.1: every server takes Basic; some take the secret in the form alone.
            answer = await _post(issuers, issuer, endpoints.token_endpoint, form, basic=False)
    except (FetchFailed, IssuerUnavailable) as error:
        return Denied(unavailable(error))
    error = _error(answer)
    if answer.status >= 500 or answer.status == 429 or error in _LATER:
        return Denied(unavailable(FetchFailed(f'issuer "{issuer.name}" answered with status {answer.status}')))
    if answer.status != 200:
        if error == "invalid_client":
            # Nobody's fault who signs in, and nothing that ends their login.
            log.error('issuer "%s" does not know this gateway: check client_id and client_secret', issuer.name)
            why = FetchFailed(f'issuer "{issuer.name}" does not know this gateway (invalid_client)')
            return Denied(unavailable(why))
        said = plain(error or f"status {answer.status}, without a reason")
        log.warning('issuer "%s" gave no token: %s', issuer.name, said)
        message = f'Issuer "{issuer.name}" gave no token: {said}.'
        return Denied(Refusal(code="sign_in_failed", message=message), error)
    try:
        return msgspec.json.decode(answer.body, type=Said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Denied(unavailable(FetchFailed(f'issuer "{issuer.name}" answered with what is no token answer')))


async def _post(issuers: Issuers, issuer: Issuer, url: str, form: Mapping[str, str], *, basic: bool) -> Fetched:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    client_id = issuer.client_id or ""
    secret = issuer.client_secret() if issuer.client_secret is not None else None
    fields = dict(form)
    if basic and secret is not None:
        pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        fields["client_id"] = client_id
        if secret is not None:
            fields["client_secret"] = secret
    allowed = Allowed(issuer.allow_private, issuer.allow_http)
    body = urlencode(fields).encode()
    return await issuers.fetcher.fetch(url, allowed, method="POST", headers=headers, body=body)


def _error(answer: Fetched) -> str | None:
    try:
        return msgspec.json.decode(answer.body, type=_Failed).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def plain(text: str) -> str:
    """What somebody else wrote, as one short line."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:200])


def unavailable(error: Exception) -> Refusal:
    log.warning("signing in: %s", error)
    return Refusal(
        code="sign_in_unavailable", message=f"The identity provider cannot be asked now: {error}", retry_after_s=5
    )
