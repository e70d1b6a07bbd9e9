"""AWS: signatures (SigV4) with keys that are configured, or with those of AWS's own chain.

The chain (environment, shared files, SSO, web identity, containers, instances) is botocore's. What is signed is the
method, path and query, the body's hash, `host`, `content-type` and every `x-amz-…` header.
"""

import asyncio
import logging
from datetime import datetime
from importlib import import_module
from typing import Any, NamedTuple

from tollway.clock import Clock, instant
from tollway.errors import SettingsInvalid
from tollway.gateway import AwsAuth
from tollway.proxy.signing.renewed import Fresh, Renewed, one_line
from tollway.proxy.signing.signer import CredentialsUnavailable, Header
from tollway.proxy.transport import Url

# botocore has no types.
_auth: Any = import_module("botocore.auth")
_request: Any = import_module("botocore.awsrequest")
_config: Any = import_module("botocore.config")
_exceptions: Any = import_module("botocore.exceptions")
_session: Any = import_module("botocore.session")

LARGE_BODY = 1024 * 1024
"""Hashed in a thread from here on, where it would hold up the others for a millisecond and more."""

# Of somebody else's signature; ours are put in their place.
_SIGNING = frozenset(
    b"authorization x-amz-date x-amz-security-token x-amz-content-sha256 x-api-key api-key x-goog-api-key".split()
)


class Keys(NamedTuple):
    """By the names that botocore signs with."""

    access_key: str
    secret_key: str
    token: str | None

    def __repr__(self) -> str:
        return f"Keys({self.access_key})"


class AwsSigner:
    """Signs each request for one region and service."""

    def __init__(self, auth: AwsAuth, clock: Clock) -> None:
        """Raises SettingsInvalid for half a pair of keys."""
        # At DEBUG it writes credentials, signatures and what a token service answers.
        logging.getLogger("botocore").setLevel(logging.WARNING)
        self._auth = auth
        self._clock = clock
        self._fixed = _configured(auth)
        chain = "AWS's chain" if auth.profile is None else f'the AWS profile "{auth.profile}"'
        self._renewed = Renewed(
            lambda: asyncio.to_thread(_from_chain, auth), name=f"The key pair of {chain}", clock=clock
        )

    async def sign(self, method: str, url: Url, headers: list[Header], body: bytes) -> list[Header]:
        """`url.target` must be written as `path_as_signed` writes it."""
        keys = self._fixed if self._fixed is not None else await self._renewed.get()
        stamp = instant(self._clock.now()).strftime("%Y%m%dT%H%M%SZ")
        sent = [header for header in headers if header[0] not in _SIGNING]
        sent.append((b"x-amz-date", stamp.encode()))
        if keys.token:
            sent.append((b"x-amz-security-token", keys.token.encode()))
        if len(body) > LARGE_BODY:
            signature = await asyncio.to_thread(self._authorization, keys, stamp, method, url, sent, body)
        else:
            signature = self._authorization(keys, stamp, method, url, sent, body)
        sent.append((b"authorization", signature.encode()))
        return sent

    def _authorization(self, keys: Keys, stamp: str, method: str, url: Url, sent: list[Header], body: bytes) -> str:
        """`add_auth` of botocore, with the time as an argument and nothing written to its log."""
        request = _request.AWSRequest(
            method, f"{url.scheme}://{url.authority}{url.target.decode('latin-1')}", data=body
        )
        request.context["timestamp"] = stamp
        request.headers["host"] = url.authority
        for name, value in sent:
            if name.startswith(b"x-amz-") or name == b"content-type":
                request.headers[name.decode("latin-1")] = value.decode("utf-8", "replace")
        signing = _auth.SigV4Auth(keys, self._auth.service, self._auth.region)
        canonical = signing.canonical_request(request)
        signature = signing.signature(signing.string_to_sign(request, canonical), request)
        names = signing.signed_headers(signing.headers_to_sign(request))
        return f"AWS4-HMAC-SHA256 Credential={signing.scope(request)}, SignedHeaders={names}, Signature={signature}"


def _configured(auth: AwsAuth) -> Keys | None:
    if auth.access_key_id is None and auth.secret_access_key is None:
        return None
    if auth.access_key_id is None or auth.secret_access_key is None:
        here, gone = (
            ("secret_access_key", "access_key_id")
            if auth.access_key_id is None
            else ("access_key_id", "secret_access_key")
        )
        raise SettingsInvalid(f"AWS: {here} is set without {gone}; write both, or neither to use AWS's own chain.")
    token = auth.session_token
    return Keys(auth.access_key_id, auth.secret_access_key.reveal(), None if token is None else token.reveal())


def _from_chain(auth: AwsAuth) -> Fresh[Keys]:
    """The keys AWS's chain gives now; a new session, so that files that were exchanged are read again. Blocks."""
    try:
        session = _session.Session(profile=auth.profile)
        session.set_config_variable("region", auth.region)
        session.set_default_client_config(
            _config.Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})
        )
        found = session.get_credentials()
        if found is None:
            raise CredentialsUnavailable(
                "none in the environment, the shared files, the container's or the instance's metadata"
            )
        frozen = found.get_frozen_credentials()
    except (_exceptions.BotoCoreError, _exceptions.ClientError) as error:
        raise CredentialsUnavailable(one_line(str(error))) from error
    # Where there is none, the keys do not expire. botocore has no public name for it.
    expiry: datetime | None = getattr(found, "_expiry_time", None)
    expires_at = None if expiry is None else int(expiry.timestamp() * 1000)
    return Fresh(Keys(frozen.access_key, frozen.secret_key, frozen.token), expires_at)
