"""The URL of a database: whether it can be read, and what of it may be shown."""

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode

SCHEMES: Final = ("postgresql://", "postgres://")

_ESCAPES: Final = (
    "In a password write @ as %40, / as %2F, ? as %3F, # as %23, [ as %5B, ] as %5D, : as %3A and % as %25."
)
_OF_LIBPQ: Final = frozenset(
    {
        "channel_binding",
        "client_encoding",
        "connect_timeout",
        "fallback_application_name",
        "gssencmode",
        "load_balance_hosts",
        "requirepeer",
    }
    | {
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "sslcompression",
        "sslsni",
        "tcp_user_timeout",
    }
)
"""What a URL may say to libpq and is held here in another way, or is nothing to us: how long to wait, and when a silent server is gone."""
_UNREADABLE: Final = "a URL that cannot be read"


class Where(NamedTuple):
    """What may be shown of a URL."""

    hosts: str
    """With their ports, as they were written; "" where the URL names none."""
    database: str


def read(url: str) -> Where:
    """Raises ValueError, in words without anything of the URL, as any part of one that is written wrongly may be of its password."""
    scheme = next((scheme for scheme in SCHEMES if url.startswith(scheme)), None)
    if scheme is None:
        raise ValueError("it does not begin with postgresql://")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"it has characters that no URL has. {_ESCAPES}")
    if "#" in url:
        raise ValueError(f"it has a # in it. {_ESCAPES}")
    rest, asked, query = url.removeprefix(scheme).partition("?")
    authority, _, path = rest.partition("/")
    if authority.count("@") > 1 or "@" in path:
        raise ValueError(f"it has more than one @, or one behind its host. {_ESCAPES}")
    who, _, hosts = authority.rpartition("@")
    if "[" in who or "]" in who:
        raise ValueError(f"it has a bracket before its host. {_ESCAPES}")
    if hosts and not all(map(_is_host, hosts.split(","))):
        raise ValueError(f"its host and port are none. {_ESCAPES}")
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True)) if asked else {}
    except ValueError:
        raise ValueError(f"what stands behind its ? is no list of name=value. {_ESCAPES}") from None
    if options.get("channel_binding") == "require":
        raise ValueError(
            "its channel_binding=require cannot be held, as the driver knows none: leave it out, and have sslmode=verify-full find out "
            "which server it is"
        )
    database = unquote(path.strip("/")) or options.get("dbname") or options.get("database")
    if not database:
        raise ValueError("it names no database: postgresql://user:password@host/database")
    return Where(hosts or options.get("host", ""), database)


def for_driver(url: str) -> str:
    """The same without what libpq alone understands, which a server would take for settings of its own."""
    rest, asked, query = url.partition("?")
    if not asked:
        return url
    options = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name not in _OF_LIBPQ]
    return f"{rest}?{urlencode(options)}" if options else rest


def writable(url: str, environment: Mapping[str, str]) -> bool:
    """Whether a server that takes writes is asked for: the primary, of several."""
    told = dict(parse_qsl(url.partition("?")[2])).get("target_session_attrs", environment.get("PGTARGETSESSIONATTRS"))
    return told == "read-write"


def without_password(url: str) -> str:
    """A URL as it may be shown: its hosts and its database."""
    try:
        where = read(url)
    except ValueError:
        return _UNREADABLE
    return f"{where.hosts or 'localhost'}/{where.database}"


def _is_host(text: str) -> bool:
    """Whether it is a name or an address, with a port or without one."""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        return ":" in address and (not port or (port.startswith(":") and _is_port(port[1:])))
    name, colon, port = text.partition(":")
    return bool(name) and (not colon or _is_port(port))


def _is_port(text: str) -> bool:
    return text.isdigit() and 0 < int(text) < 65_536
