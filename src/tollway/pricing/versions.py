"""Which names of a whole price list are one model's versions: a date, a number of four digits, `-latest`, a preview.

`gpt-4o-2024-05-13` is a version of `gpt-4o`, though its list has a price of its own for it; `gpt-4o-mini` is none. Wider than
`spellings`, which stays within one entry: by these names a rule refuses and counts, and permits nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Stem = tuple[tuple[str, ...], tuple[str, ...]]
"""The words of a name in any order, and its numbers in theirs: `claude-opus-4-5` is `claude-4.5-opus`, and not `claude-opus-5-4`."""
Stems = Mapping[Stem, Sequence["Dated"]]
"""The names of one price list, in lower case, by their stem."""

_DATE = (
    r"20\d\d-?[01]\d-?[0-3]\d"
    r"|20\d\d-[01]\d"
    r"|[01]\d-20\d\d"
    r"|2[3-9][01]\d(?:[0-3]\d)?"  # `codestral-2508`, `doubao-seed-1-6-250615`
    r"|[01]\d[0-3]\d"  # `gpt-4-0613`
    r"|00\d"
)
# Google's previews have a day and a month with a hyphen between them, which elsewhere are two numbers. Bedrock puts a revision
# behind a date; without one it says which model it is.
_VERSION = re.compile(
    rf"[-@](?P<date>{_DATE})(?:-v\d+(?::\d+)?)?$"
    r"|(?:(?<=-preview)|(?<=-exp))-(?P<day>[01]\d-[0-3]\d)$"
    r"|-(?P<revision>v\d+:\d+)$"
)
_LATEST = re.compile(r"(?:[-@:]latest|(?<=\d)-0)$")
_STAGE = re.compile(r"-(?:preview|exp)$")
_PARTS = re.compile(r"[-.]")


class Dated(NamedTuple):
    """A name in lower case, and which version it names."""

    name: str
    version: str
    """Its digits ("20240513"), or nothing."""


def by_stem(names: Iterable[str]) -> Stems:
    """The names of a price list, in lower case, in the order in which `versions` looks for them."""
    found: dict[Stem, list[Dated]] = {}
    for name in dict.fromkeys(names):
        plain, version = undated(name)
        found.setdefault(_stem(plain), []).append(Dated(name, version))
    return found


def undated(name: str) -> Dated:
    """A name in lower case without its version, and the version that was taken off."""
    version = ""
    # Most names end in a word.
    while name[-1:].isdigit() or name.endswith("latest"):
        dated = _VERSION.search(name)
        found = dated or _LATEST.search(name)
        if found is None or not found.start():
            break
        if dated is not None:
            version = (dated["date"] or dated["day"] or dated["revision"]).replace("-", "")
        name = name[: found.start()]
    return Dated(name, version)


def versions(name: str, listed_as: str | None, lists: Sequence[Stems]) -> tuple[str, ...]:
    """The other names, in lower case, under which the model `name` is refused and counted.

    The name without its version, that in other spellings; of a name without one all versions, as any may be meant, of one with a
    version that alone. A preview is known by what it is a preview of, which it is not the other way round. `listed_as`: the id of
    the entry that `name` is priced by.
    """
    plain, version = undated(name.lower())
    stem = _stem(plain)
    found = [plain]
    for stems in lists:
        found += [
            other.name for other in stems.get(stem, ()) if not (version and other.version) or other.version == version
        ]
    final = _final(plain)
    # Where the list says that it is a preview of something else, it is: `gpt-4-1106-preview` is one of `gpt-4-turbo`.
    if final != plain and (listed_as is None or _stem(_final(undated(listed_as.lower()).name)) == _stem(final)):
        found.append(final)
        for stems in lists:
            found += [other.name for other in stems.get(_stem(final), ()) if not other.version]
    return tuple(dict.fromkeys(found))


def _final(plain: str) -> str:
    """What it is a preview of: `kimi-k2` of `kimi-k2-0905-preview`, and itself of all else."""
    final = _STAGE.sub("", plain)
    return undated(final).name if final != plain else plain


def _stem(plain: str) -> Stem:
    parts = _PARTS.split(plain)
    return tuple(sorted(part for part in parts if not part.isdigit())), tuple(part for part in parts if part.isdigit())
