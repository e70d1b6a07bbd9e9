"""Who has which role, from what is written."""

from collections.abc import Mapping

from tollway.document.written import AdministrationDocument, RoleDocument
from tollway.errors import SettingsInvalid
from tollway.identity.names import same
from tollway.identity.roles import Administration, Holders, Role

LONGEST_S = 30 * 86_400
MOST_KEYS = 10_000


def read_administration(written: AdministrationDocument) -> Administration:
    """Raises SettingsInvalid naming the field, the value and the way out."""
    for field, length in (("session_idle_s", written.session_idle_s), ("session_s", written.session_s)):
        if not 60 <= length <= LONGEST_S:
            raise SettingsInvalid(f"administration.{field}: {length} is not between 60 and {LONGEST_S:,} seconds.")
    if written.session_idle_s > written.session_s:
        raise SettingsInvalid(
            f"administration.session_idle_s: {written.session_idle_s} is more than session_s, {written.session_s}; a session "
            "ends with the shorter of the two."
        )
    if not 0 <= written.developer_keys <= MOST_KEYS:
        raise SettingsInvalid(
            f"administration.developer_keys: {written.developer_keys} is not between 0 and {MOST_KEYS:,} keys."
        )
    named: Mapping[Role, RoleDocument] = {
        "owner": written.owner,
        "admin": written.admin,
        "finance": written.finance,
        "developer": written.developer,
    }
    return Administration(
        holders={role: _holders(role, document) for role, document in named.items()},
        session_idle_s=written.session_idle_s,
        session_s=written.session_s,
        developer_keys=written.developer_keys,
    )


def _holders(role: str, written: RoleDocument) -> Holders:
    for field, names in (("groups", written.groups), ("users", written.users)):
        for name in names:
            if not name.strip() or name != name.strip():
                raise SettingsInvalid(f"administration.{role}.{field}: {name!r} is no name.")
            if "*" in name and field == "users":
                raise SettingsInvalid(
                    f'administration.{role}.users: {name!r} has a "*"; name people one by one, or a group of theirs.'
                )
    return Holders(frozenset(written.groups), frozenset(same(name) for name in written.users))
