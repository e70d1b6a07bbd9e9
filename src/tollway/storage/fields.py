"""The fields that records and entries are searched and grouped by, the same for every store."""

from collections.abc import Iterable, Mapping

RECORD_FIELDS = frozenset(
    {"gateway", "provider", "model", "user", "key", "service", "status", "code", "request_id", "group", "feedback"}
)
"""What a Filter over records may name, besides `metadata.<key>`."""

ENTRY_FIELDS = frozenset({"gateway", "provider", "model", "user", "key", "service", "kind", "request_id", "group"})
"""What a Filter over entries may name, besides `metadata.<key>`."""

GROUP_FIELDS = ENTRY_FIELDS | {"day", "hour"}
"""What spend may be grouped by, besides `metadata.<key>`. A day is "2026-07-01", an hour "2026-07-01T13:00Z", in UTC."""

METADATA = "metadata."

_LARGEST = 2**63 - 1
"""Integers of SQLite have 64 bits, with the sign."""

NOT_SPEND = frozenset({"opening"})
"""Kinds of entries that move no money and are in no sum of spend, though they count against accounts."""


def check_fields(names: Iterable[str], known: frozenset[str]) -> None:
    """Raises ValueError naming the first field that is not known."""
    for name in names:
        if name not in known and not (name.startswith(METADATA) and len(name) > len(METADATA)):
            raise ValueError(f'"{name}" is not a field; choose from {", ".join(sorted(known))} and metadata.<key>')


def cursor(at: int, number: int) -> str:
    """Where the next page begins: behind the row of that instant (Unix milliseconds) and number."""
    return f"{at}.{number}"


def read_cursor(text: str) -> tuple[int, int]:
    """The instant and number of a cursor. Raises ValueError for text that `cursor` has not made."""
    at, dot, number = text.partition(".")
    digits = dot and at.isascii() and at.isdecimal() and number.isascii() and number.isdecimal()
    # Many digits take long to read: 19 are the most of an integer that a store compares with.
    found = (int(at), int(number)) if digits and max(len(at), len(number)) <= 19 else None
    if found is None or max(found) > _LARGEST:
        raise ValueError(f'"{text[:40]}" is not a cursor; take it from the page before')
    return found


def matches(equals: Mapping[str, str], values: Mapping[str, str | None], groups: Iterable[str]) -> bool:
    """Whether a row with these values, and the groups of its caller, has every value asked for. An empty one asks for none."""
    members = tuple(groups) or ("",)
    return all(
        value in members if name == "group" else (values.get(name) or "") == value for name, value in equals.items()
    )
