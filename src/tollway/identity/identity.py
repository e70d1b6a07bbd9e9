"""Identity: who is asking, once it is proven."""

from typing import Literal

import msgspec

from tollway.identity.keys import Key, Priority


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
    )
