"""What a CEL expression speaks of, and where in it: read from its text, so that a wrong name is told with its place.

Only names are read here; whether the expression is one is for CEL itself to say (`condition.py`).
"""

import re
from collections.abc import Container, Sequence
from typing import NamedTuple

from tollway.errors import SettingsInvalid
from tollway.policies.fields import OF_POLICIES, Path, Vocabulary, dotted

LONGEST = 4_000
"""Characters of a condition."""

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
_OF_TEXTS = frozenset({"contains", "endsWith", "matches", "startsWith"})
_PLAIN = re.compile(r"\"[^\"\\]*\"|'[^'\\]*'")
_COMPARE = frozenset({"==", "!=", "<", ">", "<=", ">="})
_GOES_ON = frozenset({".", "[", "+", "-", "*", "/", "%"})


class Token(NamedTuple):
    kind: str
    text: str
    at: int


class Pattern(NamedTuple):
    """A regular expression that is written out in a condition."""

    text: str
    """As it is written, in its quotes."""
    at: int


class Said(NamedTuple):
    """A text that is written out in a condition."""

    text: str
    """As it is written, in its quotes."""
    method: str
    """What asks another text about it, such as `startsWith`; empty where it is compared."""


class Names(NamedTuple):
    """Everything an expression speaks of."""

    needed: tuple[Path, ...]
    """Fields it cannot do without: those that no `has()` in it asks for."""
    roots: frozenset[str]
    """The first parts of all names."""
    used: tuple[Path, ...]
    """All of them, as they are written."""


def names_in(source: str, where: str, vocabulary: Vocabulary = OF_POLICIES) -> Names:
    """The names in `source`. Raises SettingsInvalid for one that nothing has, with its place and the nearest that is known."""
    tokens = _tokens(source)
    bound = _bound(tokens, source, where, vocabulary)
    used: dict[Path, None] = {}
    asked_for: set[Path] = set()
    number = -1
    while (number := number + 1) < len(tokens):
        token, before = tokens[number], tokens[number - 1].text if number else ""
        if token.kind == "name" and before == "." and not _is_of(tokens, number - 2):
            raise SettingsInvalid(
                f'{where}, {place(source, token.at)}: a name does not begin with a dot; write "{token.text}". '
                f"In: {excerpt(source, token.at)}"
            )
        if token.kind != "name" or before == "." or token.text in _WORDS or token.text in bound:
            continue
        if _text(tokens, number + 1) == "(" or token.text in _TYPES:
            continue
        path, behind = _path(tokens, number)
        said = vocabulary.wrong(path)
        if said is not None:
            raise SettingsInvalid(f"{where}, {place(source, token.at)}: {said} In: {excerpt(source, token.at)}")
        if not vocabulary.is_map(path):
            _check_compared(tokens, number, behind, path, source, where, vocabulary)
        if before == "(" and _text(tokens, number - 2) == "has":
            asked_for.add(path)
        used[path] = None
        number = behind - 1
    needed = tuple(path for path in used if path not in asked_for and not vocabulary.is_map(path))
    return Names(needed, frozenset(path[0] for path in used), tuple(used))


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


def texts_in(source: str) -> tuple[Said, ...]:
    """Every text that is written out in `source`."""
    tokens = _tokens(source)
    found: list[Said] = []
    for number, token in enumerate(tokens):
        if token.kind in ("text", "raw"):
            method = _text(tokens, number - 2) if _text(tokens, number - 1) == "(" else ""
            found.append(Said(token.text, method if method in _OF_TEXTS else ""))
    return tuple(found)


def is_odd(source: str, paths: Container[Path]) -> bool:
    """Whether one of the fields `paths` is asked of in `source` in any other way than for being there, or by texts that are written
    out: with `==`, `!=`, `in` a list of them, or a method such as `startsWith`."""
    tokens = _tokens(source)
    number = -1
    while (number := number + 1) < len(tokens):
        token, before = tokens[number], _text(tokens, number - 1)
        if token.kind != "name" or before == "." or _text(tokens, number + 1) == "(":
            continue
        path, behind = _path(tokens, number)
        if path in paths and not _is_plainly_asked(tokens, number, behind):
            return True
        number = behind - 1
    return False


def _is_plainly_asked(tokens: Sequence[Token], number: int, behind: int) -> bool:
    before, sign = _text(tokens, number - 1), _text(tokens, behind)
    if before == "(" and _text(tokens, number - 2) == "has":
        return True
    if before in ("==", "!=") and _is_text(tokens, number - 2):
        return not _goes_on(tokens, behind) and not _leads_on(tokens, number - 3)
    if _leads_on(tokens, number - 1):
        return False
    if sign in ("==", "!="):
        return _is_text(tokens, behind + 1) and not _goes_on(tokens, behind + 2)
    if sign == "." and _text(tokens, behind + 1) in _OF_TEXTS:
        return _is_text(tokens, behind + 3) and _text(tokens, behind + 4) == ")"
    if sign != "in" or _text(tokens, behind + 1) != "[":
        return False
    end = behind + 2
    while _is_text(tokens, end) or _text(tokens, end) == ",":
        end += 1
    return _text(tokens, end) == "]" and not _goes_on(tokens, end + 1)


def _is_text(tokens: Sequence[Token], number: int) -> bool:
    return 0 <= number < len(tokens) and tokens[number].kind in ("text", "raw")


def _goes_on(tokens: Sequence[Token], number: int) -> bool:
    """Whether what ends before this token is a part of something that is computed."""
    return _text(tokens, number) in _GOES_ON


def _leads_on(tokens: Sequence[Token], number: int) -> bool:
    """Whether what begins behind this token is a part of something that is computed or compared."""
    text = _text(tokens, number)
    return text in _GOES_ON - {"["} or text in _COMPARE or text == "in"


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


def _is_of(tokens: Sequence[Token], number: int) -> bool:
    """Whether a token ends something that may have fields and methods."""
    if not 0 <= number < len(tokens):
        return False
    token = tokens[number]
    return (
        token.kind in ("text", "raw", "number")
        or token.text in ")]}"
        or (token.kind == "name" and token.text not in ("in",))
    )


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


def _check_compared(
    tokens: Sequence[Token], number: int, behind: int, path: Path, source: str, where: str, vocabulary: Vocabulary
) -> None:
    """Refuses what is never true: text beside a number or a boolean, and a list beside a text."""
    kind = vocabulary.kind(path)
    other = None
    # What has a method called on it, or is added to something, is compared as whatever comes of that.
    if _text(tokens, behind) in _COMPARE and _text(tokens, behind + 2) not in _GOES_ON:
        other = tokens[behind + 1] if behind + 1 < len(tokens) else None
    elif _text(tokens, number - 1) in _COMPARE and number > 1 and _text(tokens, behind) not in _GOES_ON:
        other = tokens[number - 2]
    if other is None:
        return
    said = ""
    if kind == "text" and (other.text in ("true", "false") or other.text[:1].isdigit()):
        name = "metadata" if "metadata" in (path[0], *path[1:2]) else dotted(path)
        convert = "" if other.text in ("true", "false") else f", or convert it: int({dotted(path)})"
        said = f'{name} is text, which {other.text} never equals; write "{other.text}" in quotes{convert}.'
    elif kind == "list" and (
        other.kind in ("text", "raw") or other.text in ("true", "false") or other.text[:1].isdigit()
    ):
        element = other.text if other.kind in ("text", "raw") else f'"{other.text}"'
        said = f"{dotted(path)} is a list, which {other.text} never equals; write {element} in {dotted(path)}."
    if said:
        at = tokens[number].at
        raise SettingsInvalid(f"{where}, {place(source, at)}: {said} In: {excerpt(source, at)}")


def _bound(tokens: Sequence[Token], source: str, where: str, vocabulary: Vocabulary) -> frozenset[str]:
    """The names that macros such as `exists(group, ...)` make. Raises SettingsInvalid for one that is a field's too."""
    found: set[str] = set()
    open_macros: list[bool] = []
    for number, token in enumerate(tokens):
        if token.text == "(":
            macro = _text(tokens, number - 1) in _MACROS and _text(tokens, number - 2) == "."
            open_macros.append(macro)
            if sum(open_macros) > vocabulary.deepest:
                raise SettingsInvalid(
                    f"{where}, {place(source, token.at)}: {sum(open_macros)} loops inside each other take too long; use "
                    f"{vocabulary.deepest} at most."
                )
            if macro and _text(tokens, number + 2) == ",":
                name = tokens[number + 1]
                if name.text in vocabulary.roots:
                    raise SettingsInvalid(
                        f'{where}, {place(source, name.at)}: "{name.text}" is a field already; call the element something else.'
                    )
                found.add(name.text)
        elif token.text == ")" and open_macros:
            open_macros.pop()
    return frozenset(found)
