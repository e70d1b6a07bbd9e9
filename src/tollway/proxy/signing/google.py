"""Google Cloud: the token of a service account, or of whoever the machine's application default credentials name.

The exchange of a service account's key for a token is one POST (RFC 7523), made here, so that time is an argument and
a failure is not retried behind our back. The other kinds (metadata server, workload identity federation, gcloud's own
login) are google-auth's to know.
"""

import asyncio
import logging
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import msgspec

from tollway.clock import Clock
from tollway.errors import SettingsInvalid
from tollway.gateway import GoogleAuth, Secret
from tollway.proxy.signing.oauth import Bearer, bearer, endpoint_url, token_from
from tollway.proxy.signing.renewed import Fresh, Renewed, one_line
from tollway.proxy.signing.signer import CredentialsUnavailable, Header
from tollway.proxy.transport import Url

# google-auth is typed in part only.
_google: Any = import_module("google.auth")
_crypt: Any = import_module("google.auth.crypt")
_exceptions: Any = import_module("google.auth.exceptions")
_jwt: Any = import_module("google.auth.jwt")
# Its metadata client does not load without requests, whereupon default credentials silently leave that server out.
_requests: Any = import_module("google.auth.transport.requests")

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
AUDIENCE = "https://oauth2.googleapis.com/token"
"""Of every assertion, wherever it is posted to (developers.google.com/identity/protocols/oauth2/service-account)."""
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_LIFE_S = 3600
_DEFAULT_UNIVERSE = "googleapis.com"


class _Account(msgspec.Struct, frozen=True):
    """The JSON of a service account's key."""

    type: str
    client_email: str
    private_key: str
    private_key_id: str | None = None
    token_uri: str = AUDIENCE
    universe_domain: str = _DEFAULT_UNIVERSE


def google_signer(auth: GoogleAuth, clock: Clock) -> Bearer:
    """Raises SettingsInvalid for a key that is not one of a service account. Default credentials are looked up later."""
    # At DEBUG it writes what it sends and gets.
    logging.getLogger("google.auth").setLevel(logging.INFO)
    if auth.service_account is None:
        name = "A token of Google's application default credentials"
        return Bearer(Renewed(lambda: asyncio.to_thread(_default_token), name=name, clock=clock))
    account = _account(auth.service_account)
    url = endpoint_url(account.token_uri, field="service_account: token_uri")
    signer = _signer(account)

    def fetch() -> Fresh[tuple[Header, ...]]:
        return _exchange(account, signer, url, clock.now())

    name = f"The Google token of {account.client_email}"
    return Bearer(Renewed(lambda: asyncio.to_thread(fetch), name=name, clock=clock))


def _account(secret: Secret) -> _Account:
    try:
        account = msgspec.json.decode(secret.reveal(), type=_Account)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        # `from None`: the text stands in no traceback.
        raise SettingsInvalid(f"service_account: not the JSON of a service account's key: {error}.") from None
    if account.type != "service_account":
        raise SettingsInvalid(
            f'service_account: its type is "{account.type}", not "service_account"; leave it out and name the file in '
            "GOOGLE_APPLICATION_CREDENTIALS."
        )
    if account.universe_domain != _DEFAULT_UNIVERSE:
        raise SettingsInvalid(
            f'service_account: universe "{account.universe_domain}" issues no tokens of this kind; leave it out and name '
            "the file in GOOGLE_APPLICATION_CREDENTIALS."
        )
    return account


def _signer(account: _Account) -> Any:
    try:
        signer = _crypt.RSASigner.from_string(account.private_key, account.private_key_id)
        signer.sign(b"")  # a key of another kind is noticed here at the latest
        return signer
    except Exception as error:  # of google-auth, cryptography or pyasn1
        kind = type(error).__name__
        raise SettingsInvalid(
            f"service_account: private_key of {account.client_email} is no RSA key ({kind})."
        ) from None


def _exchange(account: _Account, signer: Any, url: Url, at: int) -> Fresh[tuple[Header, ...]]:
    issued_s = at // 1000
    claims = {
        "iss": account.client_email,
        "scope": SCOPE,
        "aud": AUDIENCE,
        "iat": issued_s,
        "exp": issued_s + _ASSERTION_LIFE_S,
    }
    assertion = _jwt.encode(signer, claims).decode()
    return token_from(url, {"grant_type": _GRANT, "assertion": assertion}, at=at, secrets=[assertion])


def _default_token() -> Fresh[tuple[Header, ...]]:
    """Looked up from the start each time, so that a file exchanged or an environment moved is noticed. Blocks."""
    request = _requests.Request()
    try:
        found, _ = _google.default(scopes=[SCOPE], request=request)
        found.refresh(request)
    except _exceptions.GoogleAuthError as error:
        # What follows the first argument is the whole answer of a token endpoint.
        raise CredentialsUnavailable(one_line(str(error.args[0] if error.args else type(error).__name__))) from error
    token, expiry, project = found.token, found.expiry, getattr(found, "quota_project_id", None)
    headers = bearer(token or "")
    if project:
        headers = (*headers, (b"x-goog-user-project", str(project).encode()))
    return Fresh(headers, _ms(expiry))


def _ms(expiry: datetime | None) -> int | None:
    """google-auth writes UTC without saying so."""
    return None if expiry is None else int(expiry.replace(tzinfo=UTC).timestamp() * 1000)
