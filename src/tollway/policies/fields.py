"""What conditions and actors may speak of: every field by name, where it comes from, and its value for one caller.

Fields outside `metadata` are proven, by a token or by what a key's owner set for it. `metadata` has what the caller
declares too, below what is proven; `verified.metadata` has only the latter.
"""

import difflib
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from tollway.identity.identity import Identity

Path = tuple[str, ...]
"""A name in its parts: ("cf", "user", "email")."""


class Field(NamedTuple):
    """One row of the table."""

    name: str
    """`<name>` stands for any one name."""
    kind: Literal["text", "list", "any"]
    meaning: str


FIELDS: tuple[Field, ...] = (
    Field("cf.user.id", "text", "the token's subject; of a key, its user"),
    Field("cf.user.email", "text", "the verified e-mail address; of a key, its user where that is an address"),
    Field("cf.user.groups", "list", "the groups that the token or the key has"),
    Field("cf.service", "text", "the service's name"),
    Field("cf.country", "text", "two letters, from the token"),
    Field(
        "cf.custom.<name>",
        "any",
        "a claim that the issuer's claims.metadata or claims.lists names; of a key, its metadata",
    ),
    Field("metadata.<name>", "text", "what is proven of that name, else what the caller declares"),
    Field("verified.metadata.<name>", "text", "what is proven of that name"),
    Field("user", "text", "the name that budgets know the user by"),
    Field("email", "text", "the same as cf.user.email"),
    Field("groups", "list", "the same as cf.user.groups"),
    Field("service", "text", "the same as cf.service"),
    Field("key", "text", "the name of the gateway key"),
    Field("identity.user", "text", "the same as user"),
    Field("identity.email", "text", "the same as cf.user.email"),
    Field("identity.groups", "list", "the same as cf.user.groups"),
    Field("identity.service", "text", "the same as cf.service"),
    Field("identity.key", "text", "the same as key"),
    Field("identity.name", "text", "the person's name, from the token"),
    Field("identity.subject", "text", "the token's subject"),
    Field("identity.issuer", "text", "the token's issuer"),
    Field("identity.client_id", "text", "the client that asks for itself, from the token"),
    Field("identity.country", "text", "the same as cf.country"),
    Field("gateway", "text", "the gateway's slug"),
    Field("model", "text", "the model that would serve, as provider/model, in lower case"),
    Field("provider", "text", "the provider's slug"),
)

OF_TARGET = ("model", "provider")
"""Known only once a target is chosen."""

_OF_SERVICES = frozenset({("cf", "service"), ("service",), ("identity", "service"), ("identity", "client_id")})
_OF_PERSONS = frozenset(
    {("cf", "user", "id"), ("cf", "user", "email"), ("user",), ("email",), ("identity", "user"), ("identity", "email"),
     ("identity", "name")}
)  # fmt: skip
_EXACT: Mapping[Path, Field] = {tuple(field.name.split(".")): field for field in FIELDS if "<" not in field.name}
_OPEN: Mapping[Path, Field] = {tuple(field.name.split("."))[:-1]: field for field in FIELDS if "<" in field.name}
_MAPS = {path[:depth] for path in (*_EXACT, *_OPEN) for depth in range(1, len(path))} | set(_OPEN)
ROOTS = frozenset(path[0] for path in (*_EXACT, *_OPEN))


def dotted(path: Path) -> str:
    return ".".join(path)


def field_of(path: Path) -> Field | None:
    """The field that `path` names, or is a part of; `None` for a name that nothing has."""
    if path in _EXACT:
        return _EXACT[path]
    for start, field in _OPEN.items():
        if path[: len(start)] == start and len(path) > len(start):
            # Only claims may have an inside.
            return field if len(path) == len(start) + 1 or field.kind == "any" else None
    return None


def is_map(path: Path) -> bool:
    """Whether `path` is what fields lie in, such as `cf.user` or `metadata`; every caller has it, if empty."""
    return path in _MAPS


def nearest(path: Path) -> str | None:
    """The known name that `path` was probably meant to be."""
    name = dotted(path)
    names = [field.name for field in FIELDS]
    for start in _OPEN:
        alike = difflib.SequenceMatcher(None, dotted(path[: len(start)]), dotted(start)).ratio()
        if len(path) > len(start) and alike > 0.6:
            names.append(f"{dotted(start)}.{path[len(start)]}")
    # Of a field that is known by its last part alone, that is what was meant: user.email.
    same_end = [known for known in names if known.rpartition(".")[2] == path[-1] and "." in known]
    return next(iter(difflib.get_close_matches(name, names, n=1, cutoff=0.6) or same_end), None)


def instead_of(path: Path) -> str:
    """What is said of the nearest name to one that nothing has."""
    near = nearest(path)
    return f'did you mean "{near}"?' if near is not None else f"there are {', '.join(field.name for field in FIELDS)}."


def wrong(path: Path) -> str | None:
    """What is wrong with a name, as a sentence with the way out; `None` for one that means something."""
    if field_of(path) is not None or is_map(path):
        return None
    short = next((path[:n] for n in range(len(path) - 1, 0, -1) if field_of(path[:n]) is not None), None)
    if short is not None:
        kind = "a list" if dotted(short).endswith("groups") else "text"
        return f'"{dotted(short)}" is {kind} and has no "{path[len(short)]}"; {instead_of(path)}'
    return f'nothing is called "{dotted(path)}"; {instead_of(path)}'


def kind_of(path: Path) -> str | None:
    """Whether the field at `path` is "text", a "list" or "any"thing."""
    field = field_of(path)
    return field.kind if field is not None else None


def _kind_of_metadata(path: Path) -> str | None:
    return "text" if "metadata" in (path[0], *path[1:2]) else None


class Vocabulary(NamedTuple):
    """The names that an expression may use."""

    roots: frozenset[str]
    """The first parts of all of them."""
    wrong: Callable[[Path], str | None]
    is_map: Callable[[Path], bool]
    deepest: int = 2
    """Macros over lists inside each other: what each of them costs is multiplied."""
    kind: Callable[[Path], str | None] = _kind_of_metadata
    """Of a field, where it is known: "text", or "list"."""


OF_POLICIES = Vocabulary(ROOTS, wrong, is_map, kind=kind_of)


def may_have(identity: Identity, path: Path) -> bool:
    """Whether a caller like this one could have the field: no person is a service, and no service a person."""
    if identity.user is not None:
        return path not in _OF_SERVICES
    return identity.service is None or path not in _OF_PERSONS


def values_of(identity: Identity, gateway: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Every field of a caller but those of the target, as the tree that their names make. What is not known is absent.

    `metadata`: what is in force, proven over declared.
    """
    person = identity.person
    email = person.email if person is not None else None
    if person is None and identity.user is not None and "@" in identity.user:
        email = identity.user
    subject = None
    if identity.user is not None:
        subject = person.subject if person is not None else identity.user
    else:
        email = None
    custom: dict[str, Any] = {**identity.metadata, **(person.claims if person is not None else {})}
    country = person.country if person is not None else None
    known = {
        "cf": {
            "user": {"id": subject, "email": email, "groups": identity.groups},
            "service": identity.service,
            "country": country,
            "custom": custom,
        },
        "metadata": metadata,
        "verified": {"metadata": identity.metadata},
        "user": identity.user,
        "email": email,
        "groups": identity.groups,
        "service": identity.service,
        "key": identity.key,
        "identity": {
            "user": identity.user,
            "email": email,
            "groups": identity.groups,
            "service": identity.service,
            "key": identity.key,
            "name": person.name if person is not None else None,
            "subject": person.subject if person is not None else None,
            "issuer": person.issuer if person is not None else None,
            "client_id": person.client_id if person is not None else None,
            "country": country,
        },
        "gateway": gateway,
    }
    return only_known(known)


def only_known(values: Mapping[str, Any]) -> dict[str, Any]:
    """The tree without what is empty: a caller without groups may as well be one whose groups nobody told."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found[name] = only_known(value)  # pyright: ignore[reportUnknownArgumentType]
        elif value is not None and value != "" and value != () and value != []:
            found[name] = list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownArgumentType]
    return found


def value_at(values: Mapping[str, Any], path: Path) -> Any:
    """The value of a field; `None` where the caller has none."""
    found: Any = values
    for part in path:
        if not isinstance(found, dict):
            return None
        found = found.get(part)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return found  # pyright: ignore[reportUnknownVariableType]
