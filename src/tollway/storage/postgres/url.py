"""The URL of a database: whether it can be read, and what of it may be shown."""

from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote

SCHEMES: Final = ("postgresql://", "postgres://")

_ESCAPES: Final = (
    "In a password write @ as %40, / as %2F, ? as %3F, # as %23, [ as %5B, ] as %5D, : as %3A and % as %25."
)
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
    database = unquote(path.strip("/")) or options.get("dbname") or options.get("database")
    if not database:
        raise ValueError("it names no database: postgresql://user:password@host/database")
    return Where(hosts or options.get("host", ""), database)


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
