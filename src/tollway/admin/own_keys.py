"""What somebody may do with keys of their own: each proves exactly what they are, and may do less, never more.

What an administrator made or changed is the administrator's: whoever it is for can end it, and nothing else.
"""

from collections.abc import Sequence

import msgspec

from tollway.admin.key_asked import KeyAsked, KeyChange
from tollway.admin.problem import Problem
from tollway.identity.authority import IssuedKey
from tollway.identity.grants import opened
from tollway.identity.identity import Identity
from tollway.identity.keys import PRIORITIES, Key
from tollway.identity.roles import Principal

_PROVES = ("metadata", "team", "project", "custom_cost", "owner")
"""Fields by which budgets or prices would believe something of the caller."""


def is_own(record: IssuedKey | Key | None, only: str | None) -> bool:
    """Whether a key may be seen and changed by whoever may have only what is theirs; `only` is `None` for all others."""
    return only is None or (record is not None and record.user == only)


def own_asked(asked: KeyAsked, only: str | None, asker: Principal) -> KeyAsked:
    """What is asked for, as its owner may have it. Raises Problem."""
    if only is None:
        return asked
    if asked.service is not None or asked.user not in (None, only):
        raise _no("a key of your own is for yourself; leave user and service out")
    identity = proven(asker)
    given = asked.model_dump(exclude_unset=True)
    groups = given.pop("groups", identity.groups)
    if set(groups) != set(identity.groups):
        raise _groups(groups, identity)
    # What is set is what is given: what is left out is what its owner has.
    wanted = KeyAsked.model_validate({"priority": identity.priority} | given | {"user": only})
    check_own_change(wanted, only, asker)
    return wanted


def check_own_change(asked: KeyChange, only: str | None, asker: Principal) -> None:
    """Raises Problem where a change would have a key prove anything else of its owner than they do themselves."""
    if only is None:
        return
    given = asked.model_fields_set
    for field in _PROVES:
        if field in given:
            raise _no(f"{field}: only an administrator says this of a key")
    if "groups" in given:
        raise _groups(asked.groups, proven(asker))
    if "priority" in given and PRIORITIES[asked.priority] > PRIORITIES[proven(asker).priority]:
        raise _no(f"priority: yours is {proven(asker).priority}, and only an administrator gives a key one above that")
    for field in ("gateways", "models"):
        mine: tuple[str, ...] = getattr(proven(asker), field) if field in given else ()
        for each in getattr(asked, field):
            if mine and each not in mine:
                raise _no(f'{field}: "{each[:128]}" is not yours to use; yours are {", ".join(mine)}')


def check_own_record(record: IssuedKey, asked: KeyChange, only: str | None) -> None:
    """Raises Problem where somebody would change what an administrator set: they can only note something of it, and switch
    it off."""
    if only is None or record.own or ends_only(asked):
        return
    field = min(asked.model_fields_set - {"note"})
    raise _no(f"{field}: {_ADMINISTRATORS} You can switch it off, or revoke it")


def check_own_end(record: IssuedKey, only: str | None) -> None:
    """Raises Problem where somebody would free the name of a key that an administrator made: rules may go by it."""
    if only is not None and not record.own:
        raise _no(f"{_ADMINISTRATORS} Revoke it; it then stays in the list")


def ends_only(asked: KeyChange) -> bool:
    """Whether it gives a key nothing."""
    return asked.model_fields_set <= {"note", "enabled"} and not ("enabled" in asked.model_fields_set and asked.enabled)


def renewed(record: IssuedKey, asker: Principal) -> IssuedKey:
    """A key of one's own that gets a new secret: it proves who its owner is by now. Raises Problem."""
    if not record.own:
        raise _no(f"{_ADMINISTRATORS} Ask them for a new secret")
    return as_its_owner(record, asker)


def as_its_owner(record: IssuedKey, asker: Principal) -> IssuedKey:
    """The key as one of the asker's own, which proves what they do. Raises Problem where it would open nothing."""
    identity = proven(asker)
    gateways, models = opened(record.gateways, identity.gateways), opened(record.models, identity.models)
    if gateways is None or models is None:
        raise _no("the key is for gateways or models that you may not use any more; make another one")
    person = identity.person
    return msgspec.structs.replace(
        record,
        own=True,
        groups=identity.groups,
        metadata=identity.metadata,
        proven_only=identity.proven_only,
        # That the token ended by which they signed in says nothing of the key.
        person=msgspec.structs.replace(person, expires_at=None) if person is not None else None,
        gateways=gateways,
        models=models,
        priority=min(record.priority, identity.priority, key=PRIORITIES.__getitem__),
        custom_cost=identity.custom_cost,
    )


def proven(asker: Principal) -> Identity:
    """All that is proven of whoever asks. Raises Problem where a session does not have it."""
    if asker.identity is None:
        raise _no(
            "this session does not say all that your identity provider does, or you may use no gateway any more; sign out, and "
            "in again"
        )
    return asker.identity


_ADMINISTRATORS = "an administrator made this key or changed it, and is the one to do that."


def _groups(asked: Sequence[str], identity: Identity) -> Problem:
    for each in asked:
        if each not in identity.groups:
            return _no(f'groups: you are not in "{each[:128]}"')
    return _no(f"groups: a key of your own is in yours ({', '.join(identity.groups) or 'none'}); leave them out")


def _no(said: str) -> Problem:
    return Problem(403, "forbidden", f"{said}.")
