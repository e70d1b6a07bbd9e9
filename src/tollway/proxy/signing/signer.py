"""Adds to a request what identifies us to its provider."""

from typing import Protocol
from urllib.parse import quote, unquote_to_bytes

from tollway.clock import Clock
from tollway.errors import SettingsInvalid, TollwayError
from tollway.gateway import Auth, AwsAuth, AzureAuth, GoogleAuth
from tollway.proxy.transport import Url

Header = tuple[bytes, bytes]
"""The name in lower case."""


class CredentialsUnavailable(TollwayError):
    """We cannot say who we are, so nothing was sent. The message names what is missing, and holds no secret."""


class Signer(Protocol):
    """Identifies requests to one provider. Used on one event loop."""

    async def sign(self, method: str, url: Url, headers: list[Header], body: bytes) -> list[Header]:
        """The headers to send: those given, with what identifies us added; who else they name is taken out.

        Raises CredentialsUnavailable.
        """
        ...


def signer_for(auth: Auth, *, clock: Clock | None = None) -> Signer:
    """What identifies us by `auth`. Loads the library it takes (up to 0.3 s), and asks no server yet.

    Raises SettingsInvalid if that library is not installed, or `auth` cannot be used.
    """
    clock = Clock() if clock is None else clock
    match auth:
        case AwsAuth():
            try:
                from tollway.proxy.signing.aws import AwsSigner
            except ImportError as error:
                raise _missing("aws", "AWS credentials", error) from error
            return AwsSigner(auth, clock)
        case GoogleAuth():
            try:
                from tollway.proxy.signing.google import google_signer
            except ImportError as error:
                raise _missing("google", "Google Cloud credentials", error) from error
            return google_signer(auth, clock)
        case AzureAuth():
            from tollway.proxy.signing.azure import azure_signer

            return azure_signer(auth, clock)


def _missing(extra: str, what: str, error: ImportError) -> SettingsInvalid:
    return SettingsInvalid(f'{what} need a library that is not installed ({error}): pip install "tollway[{extra}]".')


def path_as_signed(target: bytes) -> bytes:
    """The target with each segment of its path percent-encoded exactly once, which SigV4 assumes of what is sent.

    "/model/a:0/converse" and "/model/a%3A0/converse" both become the latter. The query stays as it is.
    """
    path, mark, query = target.partition(b"?")
    segments = (quote(unquote_to_bytes(segment), safe="-_.~") for segment in path.split(b"/"))
    return "/".join(segments).encode() + mark + query
