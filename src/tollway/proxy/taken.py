"""What the server takes out of a request's headers and its query before anything is asked of them."""

import re
from urllib.parse import unquote_to_bytes

from tollway.identity.issuer import NO_ISSUERS, Trusted
from tollway.identity.keys import holds_key
from tollway.proxy.handling import NAMES, OLD_NAMES
from tollway.proxy.pairs import of_basic, of_json
from tollway.request import Credential

_EMPTY = b""
_AWS_KEY = re.compile(rb"AWS4-HMAC-SHA256 .*?Credential=([^/,\s]{1,512})/")
# What Google's clients, and others, may write a key as in a query.
_KEYS = frozenset({b"key", b"api_key", b"api-key", b"access_token"})


class Taken:
    """What one pass over the headers takes out of them."""

    __slots__ = (
        "ambiguous",
        "anthropic",
        "asked",
        "cf_spelling",
        "chunked",
        "content_type",
        "credentials",
        "custom_cost",
        "encoded",
        "gateway",
        "idempotency_key",
        "key_alias",
        "length",
        "metadata",
        "upgrade",
        "user_agent",
    )

    def __init__(self, headers: list[tuple[bytes, bytes]], trusted: Trusted = NO_ISSUERS) -> None:
        self.anthropic = self.cf_spelling = self.chunked = self.encoded = self.upgrade = False
        self.content_type = _EMPTY
        self.length: int | None = None
        self.gateway = "default"
        self.metadata: str | None = None
        self.custom_cost: str | None = None
        self.key_alias: str | None = None
        self.user_agent = ""
        self.asked: dict[bytes, str] | None = None
        """What the headers of `handling.NAMES` say, by their names."""
        self.idempotency_key: str | None = None
        self.credentials: list[Credential] = []
        self.ambiguous = False
        """A credential was sent twice, or half of one: nobody can say which was meant."""
        first: list[Credential] = []
        tokens: list[Credential] = []
        cookies: list[bytes] = []
        sent: list[bytes] = []
        halves: dict[bytes, str] = {}
        for name, value in headers:
            if name == b"authorization":
                sent.append(name)
                self._credential(self.credentials, name, value)
            elif name in (b"x-api-key", b"api-key", b"x-goog-api-key"):
                sent.append(name)
                if value.startswith(b"{") and b"client-" in value.lower():
                    self._credential(self.credentials, name, value)
                else:
                    self.credentials.append(Credential(name, value.decode("latin-1").strip()))
            elif name == b"content-type":
                self.content_type = value
            elif name == b"content-length":
                self.length = int(value) if value.isdigit() else None
            elif name == b"transfer-encoding":
                self.chunked = True
            elif name == b"user-agent":
                self.user_agent = value[:256].decode("latin-1")
            elif name == b"anthropic-version":
                self.anthropic = True
            elif name == b"content-encoding":
                self.encoded = value.strip().lower() not in (b"", b"identity")
            elif name == b"upgrade":
                self.upgrade = b"websocket" in value.lower()
            elif name.startswith((b"tollway-", b"cf-aig-")):
                self.cf_spelling = self.cf_spelling or name.startswith(b"cf-")
                what = name[8:] if name.startswith(b"tollway-") else name[7:]
                if what == b"authorization":
                    sent.append(name)
                    self._credential(first, name, value)
                elif what in (b"client-id", b"client-secret"):
                    sent.append(name)
                    halves[name] = value.decode("latin-1").strip()
                elif what == b"metadata":
                    # RFC 9110, 5.3: fields of one name are one list, which is no JSON. What is not UTF-8 is kept as
                    # what no JSON holds either, so that reading it fails.
                    text = value.decode("utf-8", "surrogateescape")
                    self.metadata = text if self.metadata is None else f"{self.metadata},{text}"
                elif what == b"custom-cost":
                    # Two of them are no JSON, so that neither is picked.
                    said = value.decode("utf-8", "replace")
                    self.custom_cost = said if self.custom_cost is None else f"{self.custom_cost},{said}"
                elif what == b"byok-alias":
                    # Two of them are no alias, so that neither is picked.
                    alias = value.decode("latin-1").strip()
                    self.key_alias = alias if self.key_alias is None else f"{self.key_alias},{alias}"
                elif what == b"gateway-id":
                    self.gateway = value.decode("latin-1").strip()
                elif what in NAMES:
                    self._ask(what, value)
            elif name == b"idempotency-key":
                key = value.decode("latin-1").strip()
                # Two of them are no key, so that neither is picked.
                self.idempotency_key = key if self.idempotency_key is None else f"{self.idempotency_key},\n{key}"
            elif name in OLD_NAMES:
                self._ask(OLD_NAMES[name], value)
            elif name in (b"cf-access-client-id", b"cf-access-client-secret"):
                sent.append(name)
                halves[name] = value.decode("latin-1").strip()
            elif name in trusted.headers:
                sent.append(name)
                self._credential(tokens, name, value)
            elif name == b"cookie" and trusted.cookies:
                cookies.append(value)
        if halves:
            self._join(halves, first)
        # The header that can mean nothing else comes first; what a browser sends unasked comes last.
        self.credentials = first + tokens + self.credentials
        if cookies and _meant(headers):
            self.credentials += [Credential(b"cookie", found) for found in _sessions(cookies)]
        if len(sent) > 1 and len(set(sent)) < len(sent):
            self.ambiguous = True

    def _ask(self, name: bytes, value: bytes) -> None:
        # Of two the first is not what the second says, so both stand there, and are no value.
        text = value.decode("latin-1").strip()
        asked = self.asked = {} if self.asked is None else self.asked
        asked[name] = text if name not in asked else f"{asked[name]},{text}"

    def _join(self, halves: dict[bytes, str], into: list[Credential]) -> None:
        """The service tokens whose two halves came in headers of their own."""
        for prefix in dict.fromkeys(name[: name.index(b"client-")] for name in halves):
            client, secret = halves.get(prefix + b"client-id"), halves.get(prefix + b"client-secret")
            if client and secret:
                into.append(Credential(prefix + b"client-secret", secret, client))
            else:
                self.ambiguous = True

    def _credential(self, into: list[Credential], name: bytes, value: bytes) -> None:
        if value.startswith(b"{") and b"client-" in value.lower():
            pair = of_json(value)
            if pair is None:
                self.ambiguous = True
            else:
                into.append(Credential(name, pair.secret, pair.client))
            return
        scheme, _, secret = value.decode("latin-1").strip().partition(" ")
        signed = _AWS_KEY.match(value)
        if signed is not None:
            # A client that signs for AWS names its access key: a gateway key stands in its place. The signature is for
            # a server that this is not.
            into.append(Credential(name, signed[1].decode("latin-1")))
        elif scheme.lower() == "bearer" and secret.strip():
            into.append(Credential(name, secret.strip()))
        elif scheme.lower() == "basic":
            pair = of_basic(secret)
            if pair is not None:
                into.append(Credential(name, pair.secret, pair.client))
        elif scheme and not secret:
            into.append(Credential(name, scheme))


def _meant(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether a cookie was sent by a page of this gateway's own, or by no page at all: another site's page could otherwise
    spend its visitor's money (Fetch Metadata, `Sec-Fetch-Site`; browsers without it send `Origin` with what may change
    something)."""
    said = dict(headers)
    site = said.get(b"sec-fetch-site")
    return b"origin" not in said if site is None else site in (b"same-origin", b"none")


def _sessions(cookies: list[bytes]) -> list[str]:
    """The tokens in the cookies of Cloudflare Access."""
    pairs = (pair.strip().partition(b"=") for line in cookies for pair in line.split(b";"))
    return [value.decode("latin-1").strip('"') for name, _, value in pairs if name == b"CF_Authorization" and value]


def without_key(query: bytes) -> tuple[bytes, str | None]:
    """The query without `key=` and the like, in which Google's clients may send a key, and that key.

    Neither such a parameter nor one that holds a gateway key, whatever it is called, is ever forwarded.
    """
    lower = query.lower()
    if b"key" not in lower and b"token" not in lower and b"%" not in lower and b"tw" not in lower:
        return query, None
    kept: list[bytes] = []
    found: str | None = None
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if unquote_to_bytes(name).lower() in _KEYS:
            found = unquote_to_bytes(value).decode("latin-1")
        elif not holds_key(part):
            kept.append(part)
    return b"&".join(kept), found
