"""What a route may ask of a request: its body, headers and metadata, and who sends it; every name, and its value.

`metadata` has what a caller declares too. Headers that hold credentials are no fields: a value of theirs would end up in
the name of a counter.
"""

import difflib
import json
from collections.abc import Container, Iterable, Mapping
from typing import Any, Final, cast

import msgspec

from tollway.identity.identity import Identity
from tollway.identity.keys import SHORTEST_SECRET, holds_key, looks_like_ours
from tollway.policies.fields import Path, Vocabulary, dotted, value_at, values_of

PLAIN = {
    "user.id": "the name that budgets know the user by",
    "user.email": "the verified e-mail address",
    "user.groups": "the groups that the token or the key has",
    "user.name": "the person's name, from the token",
    "key": "the name of the gateway key",
    "service": "the service's name",
    "gateway": "the gateway's slug",
    "model": "the model that the caller asks for",
    "country": "two letters, from the token",
    "cf.user.id": "the token's subject; of a key, its user",
    "cf.user.email": "the same as user.email",
    "cf.user.groups": "the same as user.groups",
    "cf.country": "the same as country",
}
"""Fields with one name."""
OPEN = {
    "body": "a field of the request body, such as body.max_tokens; of a list by number: body.messages.0.role",
    "headers": "a request header, in any case",
    "metadata": "what is proven of that name, else what the caller declares",
}
"""What has fields of any name."""
LISTS = ("user.groups", "cf.user.groups")

_MAPS = frozenset({("user",), ("cf",), ("cf", "user"), *((name,) for name in OPEN)})
_SECRET = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key", "x-amz-security-token"}
    | {"tollway-authorization", "cf-aig-authorization", "cf-access-jwt-assertion", "cf-access-token"}
    | {"cf-access-client-id", "cf-access-client-secret", "tollway-admin-token", "tollway-csrf"}
    | {"tollway-client-id", "tollway-client-secret", "cf-aig-client-id", "cf-aig-client-secret"}
)
LONGEST_PATH = 256


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""The value of a field that the request does not have; JSON's null is a value."""


def read_path(written: str) -> Path | str:
    """The field that a dotted name means, or what is wrong with it, as a sentence with the way out."""
    if not written or len(written) > LONGEST_PATH or not written.isprintable():
        return f"{written[:64]!r} is no name of a field; write one such as metadata.plan."
    head, dot, rest = written.partition(".")
    # Names of metadata and headers may have dots in them.
    path = (head, rest) if dot and head in ("metadata", "headers") else tuple(written.split("."))
    if path in _MAPS and path != ("body",):
        return f'"{written}" has fields and no value; name one of them, such as {_example(path)}.'
    return wrong(path) or path


def wrong(path: Path) -> str | None:
    """What is wrong with a name, as a sentence with the way out; `None` for one that means something."""
    name, head = dotted(path), path[0]
    if not all(path):
        return f'"{name}" has an empty part; write a name such as body.max_tokens.'
    if head == "headers" and len(path) > 1 and path[1].lower() in _SECRET:
        return f'"{name}" holds a credential, which no route may ask for; use key or user.id.'
    if path in _MAPS or head == "body" or name in PLAIN:
        return None
    if head in OPEN and len(path) == 2:
        return None
    names = [*PLAIN, *(f"{start}.{name.rpartition('.')[2]}" for start in OPEN)]
    # A bare name is most often one of metadata.
    bare = [f"metadata.{name}"] if len(path) == 1 else []
    near = difflib.get_close_matches(name, PLAIN, n=1, cutoff=0.75) or bare
    near = near or difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    known = f"{', '.join(PLAIN)}, {', '.join(f'{start}.<name>' for start in OPEN)}"
    return f'nothing is called "{name}"; ' + (f'did you mean "{near[0]}"?' if near else f"there are {known}.")


def is_map(path: Path) -> bool:
    return path in _MAPS


VOCABULARY = Vocabulary(frozenset({*OPEN, *(name.split(".")[0] for name in PLAIN)}), wrong, is_map, deepest=1)
"""The same names for CEL. A caller chooses how long the lists of its body are, so none is gone through for each of another."""


class RouteFacts:
    """What is known of one request. The body is read when it is first asked for."""

    __slots__ = ("_body", "_headers", "_raw", "_values")

    def __init__(
        self,
        *,
        body: bytes | Mapping[str, Any] = b"",
        headers: Iterable[tuple[bytes, bytes]] = (),
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """`body`: bytes of JSON, or what they say; anything else has no fields. `headers`: as received. `values`: the other
        fields as the tree that their names make, without those that are not known."""
        self._raw = body
        self._body: Any = ABSENT
        self._headers: dict[str, str] = {}
        for name, value in headers:
            lowered, text = name.decode("latin-1").lower(), value.decode("latin-1")
            if lowered not in _SECRET and not looks_like_ours(text) and not holds_key(value):
                # RFC 9110, 5.3: lines of one name are one list.
                self._headers[lowered] = f"{self._headers[lowered]}, {text}" if lowered in self._headers else text
        self._values = values or {}

    @classmethod
    def of(
        cls,
        identity: Identity,
        gateway: str,
        metadata: Mapping[str, str],
        model: str | None,
        *,
        body: bytes | Mapping[str, Any],
        headers: Iterable[tuple[bytes, bytes]],
    ) -> "RouteFacts":
        """Those of a caller. `metadata`: what is in force, proven over declared."""
        known = values_of(identity, gateway, metadata)
        user = {
            "id": identity.user,
            "email": value_at(known, ("cf", "user", "email")),
            "groups": value_at(known, ("cf", "user", "groups")),
            "name": value_at(known, ("identity", "name")),
        }
        values = {
            "cf": known.get("cf", {}),
            "metadata": known.get("metadata", {}),
            "user": {name: value for name, value in user.items() if value is not None},
            "key": identity.key,
            "service": identity.service,
            "gateway": gateway,
            "model": model,
            "country": value_at(known, ("cf", "country")),
        }
        return cls(body=body, headers=headers, values={k: v for k, v in values.items() if v is not None})

    def value(self, path: Path) -> Any:
        """The value of a field, or `ABSENT`."""
        head = path[0]
        if head == "body":
            return _inside(self.body, path[1:])
        if head == "headers":
            return dict(self._headers) if len(path) == 1 else self._headers.get(path[1].lower(), ABSENT)
        return _inside(self._values, path)

    def text(self, key: str) -> str | None:
        """The value of a field by its dotted name, as a counter or a split is named by it; `None` where it has none, or has
        no single one."""
        path = read_path(key)
        found = self.value(path) if isinstance(path, tuple) else ABSENT
        if isinstance(found, str):
            # Half a surrogate pair, which JSON can be sent with, is no text that a counter could be named by.
            return found.encode(errors="backslashreplace").decode() or None
        return json.dumps(found) if isinstance(found, bool | int | float) else None

    @property
    def body(self) -> Any:
        """What the body says; an empty object where it is not JSON."""
        if self._body is ABSENT:
            raw = self._raw
            if isinstance(raw, bytes):
                try:
                    self._body = msgspec.json.decode(raw)
                except (msgspec.DecodeError, UnicodeError, RecursionError):
                    self._body = {}
            else:
                self._body = raw
        return self._body


def hidden(
    headers: Iterable[tuple[bytes, bytes]], issuers: Container[bytes], secrets: Iterable[str]
) -> list[tuple[bytes, bytes]]:
    """The headers without those that issuers' tokens come in, and without those that hold what the caller identified itself by.

    `issuers`: their names, in lower case.
    """
    found = [secret.encode("latin-1", "replace") for secret in secrets if len(secret) >= SHORTEST_SECRET]
    return [
        (name, value)
        for name, value in headers
        if name.lower() not in issuers and not any(secret in value for secret in found)
    ]


def _inside(value: Any, path: Path) -> Any:
    for part in path:
        if isinstance(value, Mapping):
            value = cast("Mapping[str, Any]", value).get(part, ABSENT)
        elif isinstance(value, list) and part.isascii() and part.isdigit() and len(part) < 10:
            items = cast("list[Any]", value)
            value = items[int(part)] if int(part) < len(items) else ABSENT
        else:
            return ABSENT
    return value


def _example(path: Path) -> str:
    of_others = {"user": "user.id", "cf": "cf.country", "cf.user": "cf.user.id"}
    return of_others.get(dotted(path), f"{path[0]}.plan")
