"""Where a gateway tells of its requests, read from what is written."""

import re
from collections.abc import Callable, Sequence

from tollway.document.written_gateway import OtelDocument
from tollway.errors import SettingsInvalid
from tollway.telemetry.destination import Destination, Told

MOST_DESTINATIONS = 5
LONGEST_URL = 2_048
MOST_HEADERS = 32
_URL = re.compile(r"(https?)://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?((?:[/?](?:(?![#\\])[!-~])*)?)")
# RFC 9110, 5.1: a field name is a token.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_TEXT = re.compile(r"[\t\x20-\x7e]{0,4096}")
_OURS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding"})


def read_otel(
    written: Sequence[OtelDocument], where: str, resolve: Callable[[str, str], str]
) -> tuple[Destination, ...]:
    """The destinations. Raises SettingsInvalid naming the field, the value and the way out, never a header's value."""
    if len(written) > MOST_DESTINATIONS:
        raise SettingsInvalid(
            f"{where}.otel: {len(written)} destinations; {MOST_DESTINATIONS} at most. A collector can pass on to others."
        )
    return tuple(_destination(each, f"{where}.otel[{number}]", resolve) for number, each in enumerate(written))


def _destination(written: OtelDocument, where: str, resolve: Callable[[str, str], str]) -> Destination:
    shape = _URL.fullmatch(written.url) if len(written.url) <= LONGEST_URL else None
    if shape is None or not 0 < int(shape[2] or 443) < 65_536:
        # What stands before an @ is a credential.
        shown = "this" if "@" in written.url else repr(written.url[:200])
        raise SettingsInvalid(
            f"{where}.url: {shown} is not an https URL without user and fragment, up to {LONGEST_URL:,} characters, such as "
            "https://otel.example.com/v1/traces."
        )
    if shape[1] == "http" and not (written.allow_http and written.allow_private):
        raise SettingsInvalid(
            f'{where}.url: the URL has no TLS. Use https, or set "allow_http: true" and "allow_private: true" for a collector '
            "on your own network."
        )
    headers = _headers(written, where, resolve)
    if written.authorization is not None:
        if "authorization" in headers:
            raise SettingsInvalid(f"{where}: authorization stands in headers too; write it once.")
        headers["authorization"] = _value(
            resolve(written.authorization, f"{where}.authorization"), f"{where}.authorization"
        )
    # Without a path, a URL is the base that OpenTelemetry's own variables have.
    url = written.url.rstrip("/") + "/v1/traces" if shape[3] in ("", "/") else written.url
    host = written.url.partition("://")[2].partition("/")[0].partition("?")[0]
    told = Told(cost=written.cost, identity=written.identity, metadata=written.metadata, content=written.content)
    return Destination(
        url,
        name=host,
        headers=headers,
        encoding=written.content_type,
        told=told,
        allow_private=written.allow_private,
        allow_http=written.allow_http,
    )


def _headers(written: OtelDocument, where: str, resolve: Callable[[str, str], str]) -> dict[str, str]:
    if len(written.headers) > MOST_HEADERS:
        raise SettingsInvalid(f"{where}.headers: {len(written.headers)} headers; {MOST_HEADERS} at most.")
    found: dict[str, str] = {}
    for name, value in written.headers.items():
        field = f"{where}.headers.{name[:64]}"
        if _NAME.fullmatch(name) is None:
            raise SettingsInvalid(f"{field}: {name[:64]!r} is not a header's name.")
        if name.lower() in _OURS:
            raise SettingsInvalid(f"{field}: this header is made here; leave it out.")
        if name.lower() in found:
            raise SettingsInvalid(f"{field}: the header is written twice; names are the same whatever their case.")
        secret = value.startswith(("env:", "file:", "sealed:"))
        found[name.lower()] = _value(resolve(value, field) if secret else value, field)
    return found


def _value(text: str, where: str) -> str:
    if _TEXT.fullmatch(text) is None:
        raise SettingsInvalid(f"{where}: the value has characters that no header may have, or more than 4,096 of them.")
    return text
