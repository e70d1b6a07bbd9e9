"""A token endpoint asked, its answer read (RFC 6749), and its token put in the headers."""

import http.client
import ssl
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from urllib.parse import urlencode

import msgspec

from tollway.errors import SettingsInvalid
from tollway.proxy.signing.renewed import Fresh, Renewed, one_line
from tollway.proxy.signing.signer import CredentialsUnavailable, Header
from tollway.proxy.transport import Url, parse_url

TIMEOUT_S = 10.0
"""For connecting, and for each silence of the endpoint."""
LARGEST_ANSWER = 256 * 1024
DEFAULT_LIFE_S = 300
"""Of a token whose answer does not say: RFC 6749, 4.2.2, only recommends it."""
LONGEST_LIFE_S = 86_400

# Whatever else could name somebody to the provider beside our token.
_NAMING = frozenset((b"authorization", b"api-key", b"x-api-key", b"x-goog-api-key", b"x-goog-user-project"))


class Bearer:
    """Sends a token in the `authorization` header, with what goes along with it."""

    def __init__(self, renewed: Renewed[tuple[Header, ...]]) -> None:
        self._renewed = renewed

    async def sign(self, method: str, url: Url, headers: list[Header], body: bytes) -> list[Header]:
        added = await self._renewed.get()
        return [*(header for header in headers if header[0] not in _NAMING), *added]


class _Answer(msgspec.Struct):
    access_token: str | None = None
    expires_in: int | float | str | None = None
    token_type: str = "Bearer"  # noqa: S105
    error: str | None = None
    error_description: str | None = None


def endpoint_url(text: str, *, field: str) -> Url:
    """The token endpoint at `text`, which is sent secrets: https, or a server on this machine.

    Raises SettingsInvalid naming `field`.
    """
    try:
        url = parse_url(text)
    except ValueError as error:
        raise SettingsInvalid(f"{field}: {error}") from error
    if url.scheme != "https" and not _is_loopback(url.host):
        raise SettingsInvalid(f"{field}: {text!r} would be sent a secret in the clear; write an https:// URL.")
    return url


def token_from(url: Url, form: Mapping[str, str], *, at: int, secrets: Iterable[str]) -> Fresh[tuple[Header, ...]]:
    """The `authorization` header that the endpoint gives for `form`, good from `at` on. Blocks.

    Raises CredentialsUnavailable: unreachable, refused, or an answer without a token. None of `secrets` is in it, even
    if the endpoint repeats one.
    """
    status, body = _post(url, urlencode(form))
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise CredentialsUnavailable(f"{url.authority} answered {status}, not with JSON of a token") from None
    if status != 200 or answer.access_token is None:
        said = ": ".join(filter(None, (answer.error, answer.error_description)))
        for secret in filter(None, secrets):
            said = said.replace(secret, "[redacted]")
        raise CredentialsUnavailable(f"{url.authority} answered {status} {one_line(said)}".rstrip())
    if answer.token_type.lower() != "bearer":
        raise CredentialsUnavailable(f"{url.authority} gave a token that is not a bearer token")
    return Fresh(bearer(answer.access_token), at + 1000 * _life_s(answer.expires_in, url))


def bearer(token: str) -> tuple[Header, ...]:
    """The header of a token. Raises CredentialsUnavailable for one that cannot stand in a header."""
    # RFC 6750, 2.1, allows less; what matters is that nothing ends the header.
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise CredentialsUnavailable("the token that came cannot stand in a header")
    return ((b"authorization", b"Bearer " + token.encode()),)


def _post(url: Url, form: str) -> tuple[int, bytes]:
    """Status and body. No redirect is followed: the form holds a secret."""
    if url.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(url.host, url.port, timeout=TIMEOUT_S, context=context)
    else:
        connection = http.client.HTTPConnection(url.host, url.port, timeout=TIMEOUT_S)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    try:
        connection.request("POST", url.target.decode(), form, headers)
        response = connection.getresponse()
        body = response.read(LARGEST_ANSWER + 1)
        if response.length and len(body) <= LARGEST_ANSWER:
            raise http.client.IncompleteRead(body, response.length)
    except (OSError, http.client.HTTPException) as error:
        raise CredentialsUnavailable(f"{url.authority} could not be asked: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if len(body) > LARGEST_ANSWER:
        raise CredentialsUnavailable(
            f"{url.authority} answered {response.status} with more than {LARGEST_ANSWER} bytes"
        )
    return response.status, body


def _life_s(written: float | str | None, url: Url) -> int:
    if written is None:
        return DEFAULT_LIFE_S
    try:
        seconds = int(float(written))  # some write a string
    except (ValueError, OverflowError):
        raise CredentialsUnavailable(f"{url.authority} gave a token with no readable lifetime") from None
    return min(seconds, LONGEST_LIFE_S)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
