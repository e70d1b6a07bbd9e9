"""How the statements of `storage/sql`, which are written for SQLite, are told to PostgreSQL.

Most of it is the same SQL. What is not: parameters, the name of a column that is a reserved word, literals of bytes, hints to a
planner, what a transaction is begun with, and by what rows are found whose key may be of any length (`keys.sql`). The functions
that SQLite has and PostgreSQL has not are in `functions.sql`.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

_TOKENS: Final = re.compile(
    r"""
    (?P<bytes>[xX]'[0-9a-fA-F]*')
    | (?P<text>'(?:[^']|'')*')
    | (?P<name>"[^"]*")
    | (?P<comment>--[^\n]*)
    | (?P<parameter>\?\d*)
    | (?P<hint>\bNOT\ INDEXED\b|\bINDEXED\ BY\ \w+)
    | (?P<begin>\bBEGIN\ IMMEDIATE\b)
    | (?P<reserved>\buser\b)
    """,
    re.VERBOSE,
)
_TYPES: Final[dict[type, str]] = {int: "::bigint", bool: "::bigint", str: "::text", bytes: "::bytea"}
_ESCAPED: Final = re.compile(r"\\\\|\\u(?:0000|d[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|d[89a-f][0-9a-f]{2})")
"""In JSON: a backslash, U+0000, a pair of surrogates, and half of one."""
_KEYED: Final = (
    (re.compile(r'(ON CONFLICT) \((account|"key"|target)(, bucket)?\)'), r"\1 (brief(\2)\3)"),
    (re.compile(r"\b(balances|sittings) WHERE (account|user) = (\?\d*)"), r"\1 WHERE brief(\2) = brief(\3)"),
    (re.compile(r"(\bbrief\(user\) = brief\(\?\d*\)) AND name = (\?\d*)"), r"\1 AND brief(name) = brief(\2)"),
)
_MOST: Final = 2_000
"""Translations that are remembered; beyond, all are made again."""

_known: dict[tuple[str, tuple[type, ...]], str] = {}


def translated(statement: str, bindings: Sequence[Any] = ()) -> str:
    """The statement as PostgreSQL is to be told it. Each parameter has the type of what is bound to it; NULL has none."""
    key = (statement, tuple(map(type, bindings)))
    found = _known.get(key)
    if found is None:
        if len(_known) >= _MOST:
            _known.clear()
        found = _known[key] = _translate(statement, key[1])
    return found


def _translate(statement: str, types: tuple[type, ...]) -> str:
    place = 0

    def told(match: re.Match[str]) -> str:
        nonlocal place
        token = match.group()
        match match.lastgroup:
            case "bytes":
                return f"'\\x{token[2:-1]}'::bytea"
            case "parameter":
                if len(token) == 1:
                    place += 1
                else:
                    place = int(token[1:])
                return f"${place}{_TYPES.get(types[place - 1], '') if types else ''}"
            case "hint" | "comment":
                return ""
            case "begin":
                return "BEGIN"
            case "reserved":
                return '"user"'
            case _:
                return token

    for written, meant in _KEYED:
        statement = written.sub(meant, statement)
    return _TOKENS.sub(told, statement)


def bound(value: Any) -> Any:
    """A value as PostgreSQL can take it. Raises OverflowError for a number beyond 64 bits, UnicodeEncodeError for what is no text.

    Its text cannot hold U+0000, not even as an escape inside of JSON that is looked into: the picture of it stands there instead, and
    U+FFFD in the place of half a pair of surrogates.
    """
    if type(value) is str:
        if not value.isascii():
            value.encode()
        if "\x00" in value:
            value = value.replace("\x00", "␀")
        # Any other text may hold these characters as they are.
        return _ESCAPED.sub(_unescaped, value) if "\\u" in value and value[0] in "[{" and value[-1] in "]}" else value
    if type(value) is int or type(value) is bool:
        if not -(1 << 63) <= value < 1 << 63:
            raise OverflowError(f"{value} is more than 64 bits hold")
        return int(value)
    return value


def _unescaped(match: re.Match[str]) -> str:
    escape = match.group()
    if escape == "\\u0000":
        return "\\u2400"
    return "\\ufffd" if len(escape) == 6 else escape
