"""What the server takes out of a request's headers and its query before anything is asked of them."""

import re
from urllib.parse import unquote_to_bytes

from tollway.proxy.headers import holds_key
from tollway.request import Credential

_EMPTY = b""
_AWS_KEY = re.compile(rb"AWS4-HMAC-SHA256 .*?Credential=([^/,\s]{1,512})/")
# What Google's clients, and others, may write a key as in a query.
_KEYS = frozenset({b"key", b"api_key", b"api-key", b"access_token"})


class Taken:
    """What one pass over the headers takes out of them."""

    __slots__ = (
        "anthropic",
        "cf_spelling",
        "chunked",
        "content_type",
        "credentials",
        "custom_cost",
        "encoded",
        "gateway",
        "length",
        "metadata",
        "upgrade",
        "user_agent",
    )

    def __init__(self, headers: list[tuple[bytes, bytes]]) -> None:
        self.anthropic = self.cf_spelling = self.chunked = self.encoded = self.upgrade = False
        self.content_type = _EMPTY
        self.length: int | None = None
        self.gateway = "default"
        self.metadata: str | None = None
        self.custom_cost: str | None = None
        self.user_agent = ""
        self.credentials: list[Credential] = []
        first: list[Credential] = []
        for name, value in headers:
            if name == b"authorization":
                self._credential(self.credentials, name, value)
            elif name in (b"x-api-key", b"api-key", b"x-goog-api-key"):
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
                    self._credential(first, name, value)
                elif what == b"metadata":
                    # RFC 9110, 5.3: fields of one name are one list, which is no JSON. What is not UTF-8 is kept as
                    # what no JSON holds either, so that reading it fails.
                    text = value.decode("utf-8", "surrogateescape")
                    self.metadata = text if self.metadata is None else f"{self.metadata},{text}"
                elif what == b"custom-cost":
                    # Two of them are no JSON, so that neither is picked.
                    said = value.decode("utf-8", "replace")
                    self.custom_cost = said if self.custom_cost is None else f"{self.custom_cost},{said}"
                elif what == b"gateway-id":
                    self.gateway = value.decode("latin-1").strip()
        # The header that can mean nothing else comes first.
        self.credentials = first + self.credentials

    @staticmethod
    def _credential(into: list[Credential], name: bytes, value: bytes) -> None:
        scheme, _, secret = value.decode("latin-1").strip().partition(" ")
        signed = _AWS_KEY.match(value)
        if signed is not None:
            # A client that signs for AWS names its access key: a gateway key stands in its place. The signature is for
            # a server that this is not.
            into.append(Credential(name, signed[1].decode("latin-1")))
        elif scheme.lower() == "bearer" and secret.strip():
            into.append(Credential(name, secret.strip()))
        elif scheme and not secret:
            into.append(Credential(name, scheme))


def without_key(query: bytes) -> tuple[bytes, str | None]:
    """The query without `key=` and the like, in which Google's clients may send a key, and that key.

    Neither such a parameter nor one that holds a gateway key, whatever it is called, is ever forwarded.
    """
    lower = query.lower()
    if b"key" not in lower and b"token" not in lower and b"%" not in lower and b"tw_" not in lower:
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
