"""Identity: who is asking, once it is proven."""

from typing import Literal, final

import msgspec

from tollway.identity.keys import Key, Priority
from tollway.identity.person import Person


@final
class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A proven caller, or nobody in particular where a gateway lets anyone in."""

    kind: Literal["user", "service", "anonymous"]
    user: str | None = None
    service: str | None = None
    groups: tuple[str, ...] = ()
    key: str | None = None
    """The name of the gateway key; never the key."""
    metadata: dict[str, str] = {}
    """What the key's owner set for it; it outranks what a caller declares."""
    custom_cost: bool = False
    """It may say what its requests cost."""
    priority: Priority = "standard"
    """Who waits before whom where money is short."""
    models: tuple[str, ...] = ()
    """Patterns of `provider/model` or bare names that it may use; empty for all."""
    source: Literal["key", "token"] = "key"
    """What proves it."""
    person: Person | None = None
    """Of a token, or of a key that a person got by signing in."""
    gateways: tuple[str, ...] = ()
    """token: slugs that it opens; empty for all."""
    proven_only: frozenset[str] = frozenset()
    """Metadata that its issuer speaks of: what a caller declares of it counts for nothing, even where the token has none."""


ANONYMOUS = Identity(kind="anonymous")


def of_key(key: Key) -> Identity:
    """The caller that a valid key stands for."""
    return Identity(
        kind="service" if key.service is not None else "user",
        user=key.user,
        service=key.service,
        groups=key.groups,
        key=key.name,
        metadata=key.metadata,
        custom_cost=key.custom_cost,
        priority=key.priority,
        models=key.models,
        person=key.person,
        proven_only=key.proven_only,
    )
