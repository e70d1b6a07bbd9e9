"""Who may see and change what: roles, and what each of them is allowed.

A scope is `resource:action`. Whatever is not granted is refused; a route without a scope does not exist
(`admin/access.py`). What belongs to somebody ("own") is granted apart from what belongs to all.
"""

from typing import Literal, get_args

import msgspec

from tollway.identity.identity import Identity
from tollway.identity.names import same

Role = Literal["owner", "admin", "finance", "developer"]
ROLES: tuple[Role, ...] = get_args(Role)
"""The most powerful first."""

_SEEN_BY_FINANCE = (
    "status", "budgets", "spend", "analytics", "logs", "ledger", "prices", "alerts", "audit", "keys", "policies", "simulate",
    "metrics", "cache", "rate-limits", "routes", "statements", "exports",
)  # fmt: skip
_SEEN_BY_ADMIN = (*_SEEN_BY_FINANCE, "bodies", "settings", "issuers", "provider-keys", "administration")
_CHANGED_BY_ADMIN = (
    "settings", "budgets", "controls", "prices", "ledger", "alerts", "keys", "policies", "provider-keys", "routes", "cache", "rate-limits",
    "logs", "exports",
)  # fmt: skip

OWN = frozenset({"own:read", "own:keys", "views:read", "views:write"})
"""Of what is the caller's own: its spend, its requests, its budgets, its keys, the views it saved."""

GRANTS: dict[Role, frozenset[str]] = {
    "developer": OWN,
    "finance": OWN | {f"{noun}:read" for noun in _SEEN_BY_FINANCE},
    "admin": OWN
    | {f"{noun}:read" for noun in _SEEN_BY_ADMIN}
    | {f"{noun}:write" for noun in _CHANGED_BY_ADMIN}
    | {"statements:freeze"},
    "owner": OWN
    | {f"{noun}:read" for noun in _SEEN_BY_ADMIN}
    | {f"{noun}:write" for noun in _CHANGED_BY_ADMIN}
    # Whoever writes all of the settings can give roles: to read and write them is for those who may.
    | {"statements:freeze", "administration:write", "master-key:write", "document:read", "document:write"},
}
"""Role → its scopes. Whoever has several roles has the scopes of all of them."""

SCOPES: frozenset[str] = GRANTS["owner"]


EVERYBODY = "*"
"""The group that everybody is in who is known by name."""


class Holders(msgspec.Struct, frozen=True):
    """Who has a role."""

    groups: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()


class Administration(msgspec.Struct, frozen=True, kw_only=True):
    """Who has which role, and how long somebody may stay signed in."""

    holders: dict[Role, Holders] = {}
    session_idle_s: int = 1_800
    session_s: int = 43_200
    developer_keys: int = 20
    """Keys that somebody may have made for themselves and not ended."""

    def roles_of(self, user: str | None, groups: tuple[str, ...]) -> frozenset[Role]:
        """The roles of somebody who is proven to be `user` and in `groups`. Names are compared by `same`, without the
        case of A to Z, as identity providers and mail servers do."""
        name = same(user) if user is not None else None
        return frozenset(
            role
            for role, holders in self.holders.items()
            if (name is not None and (name in holders.users or EVERYBODY in holders.groups))
            or not holders.groups.isdisjoint(groups)
        )


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks the control plane for something."""

    name: str
    """As the audit log has it."""
    roles: frozenset[Role]
    user: str | None = None
    """Whose own things are "own"; `None` of the administrator's token, which has none."""
    groups: tuple[str, ...] = ()
    by: Literal["token", "session", "access token", "issuer"] = "token"
    """What proves it. "token": the administrator's, whose holder may be anybody."""
    session: str | None = None
    """The id of its session."""
    identity: Identity | None = None
    """All that is proven of them, which keys of their own prove too; `None` where that is not known."""

    def may(self, scope: str) -> bool:
        return any(scope in GRANTS[role] for role in self.roles)


def roles_with(scope: str) -> list[Role]:
    """Who may, the least powerful first."""
    return [role for role in reversed(ROLES) if scope in GRANTS[role]]
