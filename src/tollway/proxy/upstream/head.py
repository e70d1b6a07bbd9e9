"""Writes the head of a request, so that nothing a caller sends can become framing.

RFC 9112, 3-6. The length is always ours and exact; framing and hop-by-hop headers (RFC 9110, 7.6.1) are dropped; a name
that is no token, or a value with CR, LF or NUL, is refused.
"""

import re
from collections.abc import Sequence

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_TARGET = re.compile(rb"/[!-~]*").fullmatch
_FORBIDDEN = re.compile(rb"[\r\n\0]").search
_METHODS = {name: name.encode() + b" " for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
_BODILESS = frozenset(("GET", "HEAD", "DELETE", "OPTIONS"))
_OURS = frozenset(
    b"host content-length transfer-encoding connection keep-alive te trailer upgrade expect http2-settings "
    b"proxy-connection proxy-authorization".split()
)
_REMEMBERED_NAMES = 1024


class HeadWriter:
    """Remembers the header names it has checked: the same few dozen come with every request."""

    __slots__ = ("_prefixes",)

    def __init__(self) -> None:
        self._prefixes: dict[bytes, bytes] = {}

    def write(
        self,
        method: str,
        target: bytes,
        host_line: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        body_bytes: int,
    ) -> bytes:
        """The head, up to and with its empty line. `host_line` comes from `host_line()`.

        Raises ValueError naming the method, target or header that cannot be sent.
        """
        start = _METHODS.get(method)
        if start is None:
            raise ValueError(f"{method!r} is not a method that can be sent upstream")
        if _TARGET(target) is None:
            raise ValueError(f"{target!r} is not a path that can be sent upstream")
        prefixes = self._prefixes
        parts = [start, target, host_line]
        for name, value in headers:
            prefix = prefixes.get(name)
            if prefix is None:
                prefix = self._learn(name)
            if prefix:
                parts.append(prefix)
                parts.append(value)
        lines = (len(parts) - 3) // 2 + 3  # one for the host, one a header, two at the end
        if body_bytes or method not in _BODILESS:
            parts.append(b"\r\ncontent-length: %d\r\n\r\n" % body_bytes)
            lines += 1
        else:
            parts.append(b"\r\n\r\n")
        head = b"".join(parts)
        # Our own parts bring exactly `lines` of each, so any more came in with a value. Cheaper than looking at each.
        if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
            raise ValueError(_blame(headers))
        return head

    def _learn(self, name: bytes) -> bytes:
        """What goes before the value: CR LF, the name, a colon; empty for a header that is dropped."""
        if _TOKEN(name) is None:
            raise ValueError(f"{name!r} is not a header name")
        prefix = b"" if name.lower() in _OURS else b"\r\n" + name + b": "
        # Names may come from callers: what is remembered of them is bounded.
        if len(self._prefixes) < _REMEMBERED_NAMES and len(name) <= 64:
            self._prefixes[name] = prefix
        return prefix


def host_line(authority: str) -> bytes:
    """What follows the target: the version, and the `host` header, which stands first (RFC 9110, 7.2)."""
    return b" HTTP/1.1\r\nhost: " + authority.encode("ascii")


def _blame(headers: Sequence[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if _FORBIDDEN(value):
            return f"the header {name.decode('latin-1')!r} has a line break or NUL in its value"
    return "a host with a line break in it"
