"""What is asked of the authorization server, read strictly, and how it says no (RFC 6749, 5.2)."""

import base64
import binascii
import ipaddress
import re
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

from fastapi import Request
from starlette.responses import JSONResponse

from tollway.identity.login import Login

LARGEST_FORM = 16 * 1024
MOST_FIELDS = 32
LONGEST_NAME = 64
BROWSER_S = 900
"""For how long a browser is known again."""
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}

# An address of this machine, as a Host header has it: the names of others prove nothing.
_LOOPBACK = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?")
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")
_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")


class OAuthError(Exception):
    """Why there is no token: an error of RFC 6749 or RFC 8628, and the way out."""

    def __init__(self, error: str, message: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.error = error
        self.message = message
        self.status = status
        self.headers = headers or {}

    def answer(self) -> JSONResponse:
        # RFC 6749, 5.2: the description has printable ASCII alone, without quotes and backslashes.
        plain = self.message.replace('"', "'").replace("\\", "/").encode("ascii", "replace").decode()
        body = {"error": self.error, "error_description": plain}
        return JSONResponse(body, status_code=self.status, headers={**NO_STORE, **self.headers})


def fields_of(text: str) -> dict[str, str]:
    """The fields of a form or a query. Raises OAuthError: RFC 6749, 3.1 and 3.2: none comes twice."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise OAuthError(
            "invalid_request", f"The fields cannot be read; send {MOST_FIELDS} at most, in UTF-8."
        ) from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise OAuthError("invalid_request", "A field is sent twice; send each once.")
    # RFC 6749, 3.1: an empty value is none.
    return {name: value for name, value in found.items() if value}


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a posted form; an empty body has none. Raises OAuthError."""
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "Send the fields as application/x-www-form-urlencoded.")
    if len(body) > LARGEST_FORM:
        raise OAuthError("invalid_request", f"The form is larger than {LARGEST_FORM:,} bytes.", status=413)
    try:
        return fields_of(body.decode("ascii"))
    except UnicodeDecodeError:
        raise OAuthError("invalid_request", "The form has bytes that are not encoded.") from None


def client_of(request: Request, form: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The client's id and secret, from the form or as HTTP Basic. Raises OAuthError (RFC 6749, 2.3)."""
    given = request.headers.getlist("authorization")
    if not given:
        return form.get("client_id"), form.get("client_secret")
    if len(given) > 1 or "client_secret" in form:
        raise OAuthError("invalid_request", "The client identifies itself twice; do it once.")
    scheme, _, encoded = given[0].partition(" ")
    try:
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        scheme, name, colon, secret = "", "", "", ""
    if scheme.lower() != "basic" or not colon or form.get("client_id", unquote_plus(name)) != unquote_plus(name):
        raise unknown_client()
    # RFC 6749, 2.3.1: a client without a secret may send an empty one.
    return unquote_plus(name), unquote_plus(secret) or None


def unknown_client() -> OAuthError:
    return OAuthError(
        "invalid_client",
        "No service token has that client id and secret.",
        status=401,
        headers={"www-authenticate": 'Basic realm="tollway"'},
    )


def quoted(said: str) -> str:
    """A name between quotes that are the only ones in it. Beyond ASCII there are too many signs that look like one."""
    plain = said[:LONGEST_NAME].replace('"', "'").replace("`", "'").replace("''", "'")
    return '"' + "".join(letter if " " <= letter <= "~" else "?" for letter in plain).strip() + '"'


def base_of(request: Request, login: Login) -> str | None:
    """This gateway as the caller reaches it: as the settings say, else what the caller says if that is this machine.

    `None` where nobody can tell: a Host of somebody's choice would send codes and people to a place of their choice.
    """
    if login.public_url is not None:
        return login.public_url
    given = request.headers.getlist("host")
    if len(given) != 1 or _LOOPBACK.fullmatch(given[0]) is None:
        return None
    return f"http://{given[0]}"


def address_of(request: Request, login: Login) -> str:
    """Who calls: the peer, unless the proxy in front wrote down an address."""
    peer = request.client.host if request.client is not None else ""
    if login.forwarded_for:
        given = ",".join(request.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip()
        return _bare_address(given) or peer
    return peer


def _bare_address(given: str) -> str | None:
    """The address in what a proxy wrote, some of which add the port. `None` where it is none: limits go by addresses, so that
    what can be written in many ways must not be one."""
    with_port = _WITH_PORT.fullmatch(given)
    text = (with_port[1] or with_port[2]) if with_port is not None else given
    try:
        # A zone (RFC 4007) is any text, and of that machine alone.
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or parsed) if parsed.scope_id is None else None


def is_from_here(request: Request, base: str) -> bool:
    """Whether a browser says that a form was sent from a page of this gateway, or says nothing of it."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    return site in (None, "same-origin") and origin in (None, base)


def browser_of(request: Request, base: str) -> str:
    """The secret by which the browser is known again; empty where it brought none."""
    given = request.cookies.get(cookie_name(base), "")
    return given if _BROWSER.fullmatch(given) else ""


def new_browser() -> str:
    return secrets.token_urlsafe(32)


def cookie_name(base: str) -> str:
    # RFC 6265bis, 4.1.3.2: with this prefix no other host can have set it. It needs TLS, which loopback may lack.
    return "__Host-tollway-sign-in" if base.startswith("https:") else "tollway-sign-in"


def cookie(base: str, browser: str) -> str:
    """The Set-Cookie field."""
    secure = "; Secure" if base.startswith("https:") else ""
    return f"{cookie_name(base)}={browser}; Path=/; Max-Age={BROWSER_S}; HttpOnly; SameSite=Lax{secure}"
