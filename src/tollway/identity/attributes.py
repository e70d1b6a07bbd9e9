"""What is known of a request, and who says so: the facts that rules are matched against."""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any, cast, final

import msgspec

from tollway.identity.identity import Identity
from tollway.match import METADATA, WRITTEN_MODEL, Attribute

MOST_ENTRIES = 5
"""Entries a caller may declare (Cloudflare's limit)."""
LONGEST_VALUE = 1024
LONGEST_NAME = 128
_RESERVED = ("cf.", "tollway.")
_FLAT = 'send a flat object of strings, numbers and booleans, such as {"team": "ml"}'
_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


@final
class MetadataInvalid(msgspec.Struct, frozen=True):
    """A metadata header that cannot be read; nothing of it is used."""

    message: str


def read_metadata(header: str | None) -> dict[str, str] | MetadataInvalid:
    """What the caller declares: a flat JSON object of at most five strings, numbers or booleans, which are kept as text."""
    if header is None:
        return {}
    try:
        read: Any = msgspec.json.decode(header)
        if not isinstance(read, dict):
            return MetadataInvalid(f"The metadata header is {_KINDS[type(read)]}; {_FLAT}.")
        declared = cast(dict[str, Any], read)
        # msgspec keeps the last of two values for a key; whoever wrote the other one would not see it.
        pairs: list[tuple[str, Any]] = json.loads(header, object_pairs_hook=list)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return MetadataInvalid(f"The metadata header is no JSON; {_FLAT}.")
    if len(pairs) > len(declared):
        return MetadataInvalid("The metadata header names a key twice; send each key once.")
    if len(declared) > MOST_ENTRIES:
        return MetadataInvalid(f"The metadata header has {len(declared)} entries; send {MOST_ENTRIES} at most.")
    metadata: dict[str, str] = {}
    for name, value in declared.items():
        if not isinstance(value, str | int | float):
            said = f'The metadata value of "{name[:LONGEST_NAME]}" is {_KINDS[type(value)]}'
            return MetadataInvalid(f"{said}; send a string, a number or a boolean, or leave it out.")
        text = value if isinstance(value, str) else json.dumps(value)
        if len(name) > LONGEST_NAME:
            return MetadataInvalid(f"A metadata key has {len(name)} characters; send {LONGEST_NAME} at most.")
        if not name or name.startswith(_RESERVED):
            return MetadataInvalid(f'The metadata key "{name}" is reserved or empty; choose another name.')
        if not (name.isprintable() and text.isprintable()):
            return MetadataInvalid(f"The metadata entry {name!r} has characters that cannot be shown; leave them out.")
        if len(text) > LONGEST_VALUE:
            return MetadataInvalid(
                f'The metadata value of "{name}" has {len(text)} characters; send {LONGEST_VALUE} at most.'
            )
        metadata[name] = text
    return metadata


def facts_of(identity: Identity, gateway: str, declared: dict[str, str]) -> dict[str, Attribute]:
    """The attributes known before a model is chosen. What a key or token proves outranks what its bearer declares."""
    facts = {
        f"{METADATA}{name}": Attribute((value,), "header")
        for name, value in declared.items()
        if name not in identity.proven_only
    }
    source = identity.source
    for name, value in identity.metadata.items():
        facts[f"{METADATA}{name}"] = Attribute((value,), source)
    facts["gateway"] = Attribute((gateway,), "gateway")
    if identity.user is not None:
        facts["user"] = Attribute((identity.user,), source)
    if identity.service is not None:
        facts["service"] = Attribute((identity.service,), source)
    if identity.key is not None:
        facts["key"] = Attribute((identity.key,), source)
    if identity.groups:
        facts["group"] = Attribute(identity.groups, source)
    return facts


def metadata_of(identity: Identity | None, gateway: str, header: str | None) -> dict[str, str]:
    """The metadata in force of somebody, before a model is chosen; none where it is not known who it is, or the header is wrong."""
    declared = read_metadata(header)
    if identity is None or isinstance(declared, MetadataInvalid):
        return {}
    return all_metadata(facts_of(identity, gateway, declared))


def with_target(
    facts: dict[str, Attribute],
    providers: Sequence[str],
    model: str | None,
    *,
    alike: Sequence[str] = (),
    also: Sequence[str] = (),
    foreign: Collection[str] = (),
) -> dict[str, Attribute]:
    """The same with the provider and model that would serve.

    `providers`: every name of the provider, the one that accounts are named by first. A model is known as
    `provider/model` with each of them, and by its bare name; so are the names in `alike`, which are the very same model's,
    and in `also`, which nothing is permitted by: of the price list's model that it costs as much as, of its versions.
    `foreign`: names of other providers, in lower case; a bare name that begins with one reads like a model of theirs, whose
    permission is not this one's.
    """
    found = dict(facts)
    found["provider"] = Attribute(tuple(providers), "gateway")
    if model is not None:
        # A name in capitals is the same model to the price book, so it is to a rule.
        written = dict.fromkeys(name.lower() for name in (model, *alike) if name)
        names = dict.fromkeys((*written, *(name.lower() for name in also if name)))
        found["model"] = Attribute((*_of_providers(names, providers), *names), "gateway")
        if foreign or len(names) > len(written):
            bare = [name for name in written if name.partition("/")[0] not in foreign]
            found[WRITTEN_MODEL] = Attribute((*_of_providers(written, providers), *bare), "gateway")
    return found


def _of_providers(names: Iterable[str], providers: Sequence[str]) -> list[str]:
    return [f"{provider.lower()}/{name}" for name in names for provider in providers]


def all_metadata(facts: dict[str, Attribute]) -> dict[str, str]:
    """The metadata in force, by plain key."""
    return {name[len(METADATA) :]: fact.values[0] for name, fact in facts.items() if name.startswith(METADATA)}
