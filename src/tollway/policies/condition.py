"""Conditions: CEL expressions, compiled once when settings are loaded and asked of each caller.

Whatever goes wrong while one is asked is an answer of its own (`Failed`), because a policy that blocks must block then.
"""

import difflib
import re
import sys
from collections.abc import Mapping
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any, NamedTuple

from tollway.errors import SettingsInvalid
from tollway.policies.expression import LONGEST, excerpt, names_in, patterns_in, place
from tollway.policies.fields import OF_POLICIES, OF_TARGET, Path, Vocabulary

ALWAYS = "true"

_FUNCTIONS = (
    "contains", "endsWith", "matches", "startsWith", "size", "has", "all", "exists", "exists_one", "filter", "map",
    "int", "uint", "double", "string", "bytes", "type", "dyn", "duration", "timestamp", "getFullYear", "getMonth",
    "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours", "getMinutes", "getSeconds", "getMilliseconds",
)  # fmt: skip
_KINDS = {
    "int": "a number",
    "float": "a number",
    "str": "a text",
    "list": "a list",
    "dict": "a map",
    "NoneType": "null",
}
_OPERATOR = re.compile(r"[_@!\-].*")
_REGEX_SAID = re.compile(r"(?:\nerror: |a valid regex:\s+(?!regex parse))(.*?)(?: Check function|$)", re.DOTALL)
_SAID = re.compile(r"ERROR: <input>:([0-9]+):([0-9]+): (?:Syntax error: )?([^\n]*)")
_WORDS = (
    # As the parser of CEL (ANTLR) says it, and what is told in its place. The first that fits is taken.
    (re.compile(r"(?:mismatched|extraneous) input '<EOF>'"), "it ends too early"),
    (re.compile(r"missing '(.+?)' at '<EOF>'"), r'it ends too early: "\1" is missing'),
    (re.compile(r"missing '(.+?)' at '(.+)'"), r'"\1" is missing before \2'),
    (re.compile(r"(?:mismatched|extraneous) input '(.+?)'"), r"\1 cannot stand here"),
    (re.compile(r"token recognition error at: '([\"'].*)'"), r"the text \1 has no closing quote"),
    (re.compile(r"token recognition error at: '=\s*'"), '"=" compares nothing; write "=="'),
    (re.compile(r"token recognition error at: '([&|])\s*'"), r'"\1" joins nothing; write "\1\1"'),
    (re.compile(r"token recognition error at: '(.*?)\s*'"), r'"\1" is no part of the language'),
    (re.compile(r"no viable alternative at input '(.*)'"), r'nothing that has a meaning stands behind "\1"'),
    (re.compile(r"invalid argument to has\(\) macro"), "has() asks for one field, such as has(metadata.team)"),
)


class Failed(NamedTuple):
    """A condition that has no answer for this caller."""

    why: str


class Condition:
    """One condition. Equal where its text is; has no effects, and is never changed."""

    __slots__ = ("_program", "needed", "of_target", "source", "used")

    def __init__(
        self, source: str, needed: tuple[Path, ...], program: Any, *, of_target: bool, used: tuple[Path, ...] = ()
    ) -> None:
        self.source = source
        self.needed = needed
        """Fields without which it is not asked."""
        self.used = used
        """All fields that it speaks of."""
        self.of_target = of_target
        """It speaks of the model or the provider, so its answer is not the caller's alone."""
        self._program = program

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and other.source == self.source

    def __hash__(self) -> int:
        return hash(self.source)

    @property
    def always(self) -> bool:
        """Whether it holds for everyone."""
        return self._program is None

    def holds(self, context: Any) -> bool | Failed:
        """Its answer in a context of `context_of`."""
        if self._program is None:
            return True
        try:
            found = self._program.execute(context)
        except Exception as error:
            # The library raises whatever Python has for it, from KeyError to OverflowError.
            return Failed(f"{type(error).__name__}: {str(error)[:200]}")
        if found is True or found is False:
            return found
        kind = type(found).__name__
        return Failed(f"it is {_KINDS.get(kind, kind)}, not true or false")


EVERYONE = Condition(ALWAYS, (), None, of_target=False)


def compiled(source: str, where: str, vocabulary: Vocabulary = OF_POLICIES) -> Condition:
    """The condition that `source` writes, in the names of `vocabulary`. Raises SettingsInvalid with the place and what stands there."""
    if source.strip() == ALWAYS:
        return EVERYONE
    if not source.strip():
        raise SettingsInvalid(f'{where}: it is empty; write "true" where it always holds.')
    if len(source) > LONGEST:
        raise SettingsInvalid(f"{where}: it has {len(source):,} characters; write {LONGEST:,} at most.")
    program = _parsed(source, where)
    names = names_in(source, where, vocabulary)
    functions: list[str] = program.functions()
    for name in functions:
        if name not in _FUNCTIONS and _OPERATOR.fullmatch(name) is None:
            at = max(0, source.find(name))
            near = difflib.get_close_matches(name, _FUNCTIONS, n=1, cutoff=0.4)
            instead = f'; did you mean "{near[0]}"' if near else f"; there are {', '.join(_FUNCTIONS)}"
            raise SettingsInvalid(
                f'{where}, {place(source, at)}: no function "{name}"{instead}? In: {excerpt(source, at)}'
            )
    _check_patterns(source, where)
    of_target = not names.roots.isdisjoint(OF_TARGET)
    condition = Condition(source, names.needed, program, of_target=of_target, used=names.used)
    if not names.roots:
        # It says the same of everyone, so whether it says anything can be told now.
        said = condition.holds(context_of({}))
        if isinstance(said, Failed):
            raise SettingsInvalid(f"{where}: {source.strip()} cannot be asked: {said.why.rstrip('.')}.")
    return condition


def context_of(values: Mapping[str, Any]) -> Any:
    """What conditions are asked in; one for a caller and target, because it takes longer to make than to use."""
    return _cel().Context(dict(values))


def _check_patterns(source: str, where: str) -> None:
    """Refuses a regular expression that is none: its policy could never hold, and one that blocks would block everyone."""
    for pattern in patterns_in(source):
        # Whether it is one is for the library to say that will use it.
        tried = Condition(pattern.text, (), _cel().compile(f'"".matches({pattern.text})'), of_target=False)
        said = tried.holds(context_of({}))
        if isinstance(said, Failed):
            why = _REGEX_SAID.search(said.why)
            told = f": {' '.join(why[1].split()).rstrip('.')}" if why is not None else ""
            raise SettingsInvalid(
                f"{where}, {place(source, pattern.at)}: {pattern.text[:64]} is no regular expression{told}. In: "
                f"{excerpt(source, pattern.at)}"
            )


def _parsed(source: str, where: str) -> Any:
    try:
        return _cel().compile(source)
    except ValueError as error:
        # What is said of a class of the parser ("Incomplete `IndexContext`!") follows from what is said behind it.
        found = next((one for one in _SAID.finditer(str(error)) if "Context`" not in one[3]), None)
        if found is None:
            raise SettingsInvalid(f"{where}: it is no CEL expression; in: {excerpt(source, 0)}") from None
        lines = source.split("\n")
        line = min(int(found[1]), len(lines))
        at = sum(len(one) + 1 for one in lines[: line - 1]) + min(int(found[2]) - 1, len(lines[line - 1]))
        said = _in_words(found[3].partition(" expecting ")[0])
        raise SettingsInvalid(f"{where}, {place(source, at)}: {said}; in: {excerpt(source, at)}") from None


def _in_words(said: str) -> str:
    """What the parser says, as it would be said to somebody who does not know it."""
    for pattern, words in _WORDS:
        found = pattern.match(said)
        if found is not None:
            return found.expand(words)
    return said


def _cel() -> ModuleType:
    """The library's own module. Its package would import a prompt and a console too, for half a second."""
    name = "cel.cel"
    known = sys.modules.get(name)
    if known is not None:
        return known
    package = find_spec("cel")
    found = PathFinder.find_spec(name, package.submodule_search_locations) if package is not None else None
    if found is None or found.loader is None:
        raise SettingsInvalid("conditions need the package common-expression-language; install it.")
    module = module_from_spec(found)
    found.loader.exec_module(module)
    sys.modules[name] = module
    return module
