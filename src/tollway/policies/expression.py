"""What a CEL expression speaks of, and where in it: read from its text, so that a wrong name is told with its place.

Only names are read here; whether the expression is one is for CEL itself to say (`condition.py`).
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from tollway.errors import SettingsInvalid
from tollway.policies.fields import ROOTS, Path, dotted, field_of, instead_of, is_map

LONGEST = 4_000
"""Characters of a condition."""
DEEPEST = 2
"""Macros over lists inside each other: what each of them costs is multiplied."""

_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*)"
    # Nothing is escaped in raw text, so that a backslash may be its last character.
    r"|(?P<raw>(?:[rR][bB]?|[bB][rR])(?:\"\"\".*?\"\"\"|'''.*?'''|\"[^\"\n]*\"|'[^'\n]*'))"
    r"|(?P<text>[bB]?(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'))"
    r"|(?P<number>(?:0x[0-9a-fA-F]+|[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)u?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>==|!=|<=|>=|&&|\|\||.)",
    re.DOTALL,
)
_WORDS = frozenset({"true", "false", "null", "in"})
_TYPES = frozenset({"bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint"})
_MACROS = frozenset({"all", "exists", "exists_one", "filter", "map"})
_PLAIN = re.compile(r"\"[^\"\\]*\"|'[^'\\]*'")
_COMPARE = frozenset({"==", "!=", "<", ">", "<=", ">="})


class Token(NamedTuple):
    kind: str
    text: str
    at: int


class Pattern(NamedTuple):
    """A regular expression that is written out in a condition."""

    text: str
    """As it is written, in its quotes."""
    at: int


class Names(NamedTuple):
    """Everything an expression speaks of."""

    needed: tuple[Path, ...]
    """Fields it cannot do without: those that no `has()` in it asks for."""
    roots: frozenset[str]
    """The first parts of all names."""


def names_in(source: str, where: str) -> Names:
    """The names in `source`. Raises SettingsInvalid for one that nothing has, with its place and the nearest that is known."""
    tokens = _tokens(source)
    bound = _bound(tokens, source, where)
    used: dict[Path, None] = {}
    asked_for: set[Path] = set()
    number = -1
    while (number := number + 1) < len(tokens):
        token, before = tokens[number], tokens[number - 1].text if number else ""
        if token.kind != "name" or before == "." or token.text in _WORDS or token.text in bound:
            continue
        if _text(tokens, number + 1) == "(" or token.text in _TYPES:
            continue
        path, behind = _path(tokens, number)
        _check(path, token.at, source, where)
        _check_compared(tokens, number, behind, path, source, where)
        if before == "(" and _text(tokens, number - 2) == "has":
            asked_for.add(path)
        used[path] = None
        number = behind - 1
    needed = tuple(path for path in used if path not in asked_for and not is_map(path))
    return Names(needed, frozenset(path[0] for path in used))


def patterns_in(source: str) -> tuple[Pattern, ...]:
    """What `matches("...")` is given in `source`, where that is one text and nothing else."""
    tokens = _tokens(source)
    found: list[Pattern] = []
    for number, token in enumerate(tokens):
        if token.kind not in ("text", "raw") or _text(tokens, number + 1) != ")":
            continue
        if _text(tokens, number - 1) == "(" and _text(tokens, number - 2) == "matches":
            found.append(Pattern(token.text, token.at))
    return tuple(found)


def place(source: str, at: int) -> str:
    """Where in an expression: "column 12", and the line where there are several."""
    line, column = source.count("\n", 0, at) + 1, at - (source.rfind("\n", 0, at) + 1) + 1
    return f"line {line}, column {column}" if "\n" in source.strip("\n") else f"column {column}"


def excerpt(source: str, at: int) -> str:
    """The line that `at` lies in, as much of it as fits into a message."""
    start = source.rfind("\n", 0, at) + 1
    end = source.find("\n", at)
    line = source[start : end if end >= 0 else len(source)]
    column = at - start
    first = max(0, column - 40)
    return ("…" if first else "") + line[first : column + 40].strip() + ("…" if column + 40 < len(line) else "")


def _tokens(source: str) -> list[Token]:
    return [
        Token(found.lastgroup or "", found[0], found.start())
        for found in _TOKEN.finditer(source)
        if found.lastgroup != "space"
    ]


def _text(tokens: Sequence[Token], number: int) -> str:
    return tokens[number].text if 0 <= number < len(tokens) else ""


def _path(tokens: Sequence[Token], number: int) -> tuple[Path, int]:
    """The name that begins at a token, with `["..."]` as another way to write a part of it; and the token behind it."""
    path = [tokens[number].text]
    number += 1
    while True:
        sign = _text(tokens, number)
        if sign == "." and number + 1 < len(tokens) and tokens[number + 1].kind == "name":
            if _text(tokens, number + 2) == "(":
                # A method of what the name stands for.
                return tuple(path), number
            path.append(tokens[number + 1].text)
            number += 2
        elif sign == "[" and _text(tokens, number + 2) == "]" and _PLAIN.fullmatch(_text(tokens, number + 1)):
            path.append(tokens[number + 1].text[1:-1])
            number += 3
        else:
            return tuple(path), number


def _check(path: Path, at: int, source: str, where: str) -> None:
    field = field_of(path)
    if field is not None or is_map(path):
        return
    short = next((path[:n] for n in range(len(path) - 1, 0, -1) if field_of(path[:n]) is not None), None)
    if short is not None:
        said = f'"{dotted(short)}" is {"a list" if dotted(short).endswith("groups") else "text"} and has no "{path[len(short)]}"'
        raise SettingsInvalid(f"{where}, {place(source, at)}: {said}; {instead_of(path)} In: {excerpt(source, at)}")
    raise SettingsInvalid(
        f'{where}, {place(source, at)}: nothing is called "{dotted(path)}"; {instead_of(path)} In: {excerpt(source, at)}'
    )


def _check_compared(tokens: Sequence[Token], number: int, behind: int, path: Path, source: str, where: str) -> None:
    """Refuses metadata beside a number or a boolean: it is text, so that neither would ever be equal to it."""
    if "metadata" not in (path[0], *path[1:2]) or is_map(path):
        return
    other = None
    if _text(tokens, behind) in _COMPARE:
        other = _text(tokens, behind + 1)
    elif _text(tokens, number - 1) in _COMPARE:
        other = _text(tokens, number - 2)
    if other is not None and (other in ("true", "false") or other[:1].isdigit()):
        raise SettingsInvalid(
            f'{where}, {place(source, tokens[number].at)}: metadata is text, which {other} never equals; write "{other}" in '
            f"quotes, or convert it: int({dotted(path)}). In: {excerpt(source, tokens[number].at)}"
        )


def _bound(tokens: Sequence[Token], source: str, where: str) -> frozenset[str]:
    """The names that macros such as `exists(group, ...)` make. Raises SettingsInvalid for one that is a field's too."""
    found: set[str] = set()
    open_macros: list[bool] = []
    for number, token in enumerate(tokens):
        if token.text == "(":
            macro = _text(tokens, number - 1) in _MACROS and _text(tokens, number - 2) == "."
            open_macros.append(macro)
            if sum(open_macros) > DEEPEST:
                raise SettingsInvalid(
                    f"{where}, {place(source, token.at)}: {sum(open_macros)} loops inside each other take too long; use "
                    f"{DEEPEST} at most."
                )
            if macro and _text(tokens, number + 2) == ",":
                name = tokens[number + 1]
                if name.text in ROOTS:
                    raise SettingsInvalid(
                        f'{where}, {place(source, name.at)}: "{name.text}" is a field already; call the element something else.'
                    )
                found.add(name.text)
        elif token.text == ")" and open_macros:
            open_macros.pop()
    return frozenset(found)
