"""Gateway keys: made, listed, changed, rotated and revoked while the gateway runs. Those of the settings are shown too."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.access import Asker, Only
from tollway.admin.audit import Actor
from tollway.admin.charge import Instant
from tollway.admin.issuing import NO_STORE, Issuing
from tollway.admin.key_asked import KeyAsked, KeyChange, RotationAsked, key_of
from tollway.admin.key_names import check_own_name
from tollway.admin.key_shown import IssuedKeyShown, file_key_shown, key_shown, state_of_key
from tollway.admin.own_keys import (
    as_its_owner,
    check_own_change,
    check_own_end,
    check_own_record,
    ends_only,
    is_own,
    own_asked,
    renewed,
)
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.where import no_parameters
from tollway.clock import iso
from tollway.identity.authority import IssuedKey, Kind, State, state_of
from tollway.identity.keys import Key

_AT_ONCE = 1_000

_Text = Annotated[str | None, Field(default=None, max_length=256)]


class KeyQuery(BaseModel):
    """Which ones, in the order of their names."""

    model_config = ConfigDict(extra="forbid")

    owner: _Text
    team: _Text
    state: State | None = None
    limit: int = Field(default=50, ge=1, le=500)
    cursor: str | None = Field(default=None, max_length=128, description="`next` of the page before.")

    def selects(self, *, owner: str | None, team: str | None, state: State) -> bool:
        return self.owner in (None, owner) and self.team in (None, team) and self.state in (None, state)


class KeyPage(BaseModel):
    at: Instant
    items: list[IssuedKeyShown]
    next: str | None
    """`cursor` of the page after this one; null at the end."""


class KeyMade(BaseModel):
    """The only answer that has the key itself: keep it now."""

    key: IssuedKeyShown
    secret: str
    warnings: list[str]


class KeyDone(BaseModel):
    """What stands now; of a key that was deleted, what was."""

    key: IssuedKeyShown
    warnings: list[str]


def keys_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["keys"])
    issuing = Issuing(runtime, "key")

    def show(record: IssuedKey) -> IssuedKeyShown:
        return key_shown(record, runtime.clock.now(), runtime.keyring.last_used(record.name))

    def show_file(key: Key) -> IssuedKeyShown:
        return file_key_shown(key, runtime.clock.now(), runtime.keyring.last_used(key.name))

    def of_settings(name: str) -> Key | None:
        return next((key for key in runtime.snapshot.keys.values() if key.name == name), None)

    def seen(id_or_name: str, only: str | None) -> None:
        """Raises Problem for a key of somebody else's, as for one that is not there."""
        record = runtime.keyring.find(id_or_name)
        if not is_own(record if record is not None else of_settings(id_or_name), only):
            raise Problem(404, "key_unknown", f'You have no key "{id_or_name[:128]}".')

    def changeable(id_or_name: str, only: str | None = None) -> str:
        """Raises Problem for a key of the settings, or of somebody else's."""
        seen(id_or_name, only)
        if runtime.keyring.find(id_or_name) is None and of_settings(id_or_name) is not None:
            raise Problem(
                409,
                "key_of_settings",
                f'The key "{id_or_name}" is written in the settings file; change it there, and reload.',
            )
        return id_or_name

    async def keys(query: Annotated[KeyQuery, Query()], only: Only) -> KeyPage:
        """Every key, those of the settings and those that were revoked too."""
        now = runtime.clock.now()

        def chosen(found: IssuedKey | Key) -> bool:
            if not is_own(found, only):
                return False
            if isinstance(found, Key):
                return query.selects(owner=found.user, team=found.metadata.get("team"), state=state_of_key(found, now))
            return selects(query, found, now)

        some, following = await page(runtime, "key", query, chosen, list(runtime.snapshot.keys.values()))
        items = [show_file(each) if isinstance(each, Key) else show(each) for each in some]
        return KeyPage(at=iso(now), items=items, next=following)

    async def create_key(asked: KeyAsked, by: Actor, only: Only, asker: Asker, response: Response) -> KeyMade:
        """Makes a key that opens from now on. The answer is the only one that has it."""
        response.headers.update(NO_STORE)
        wanted = key_of(own_asked(asked, only, asker), runtime.snapshot, now=runtime.clock.now(), by=by)
        most_own = None
        if only is not None:
            check_own_name(wanted.name, runtime.snapshot)
            wanted = as_its_owner(wanted, asker)
            most_own = runtime.snapshot.administration.developer_keys
        made = await issuing.create(wanted, most_own=most_own)
        return KeyMade(key=show(made.record), secret=made.secret, warnings=made.warnings)

    async def key(key_id: str, only: Only) -> IssuedKeyShown:
        """One key, by its id or its name."""
        seen(key_id, only)
        found = of_settings(key_id) if runtime.keyring.find(key_id) is None else None
        return show_file(found) if found is not None else show(issuing.find(key_id))

    async def change_key(key_id: str, asked: KeyChange, by: Actor, only: Only, asker: Asker) -> KeyDone:
        """Changes what is named and nothing else, from the next request on."""
        check_own_change(asked, only, asker)

        def fit(record: IssuedKey) -> IssuedKey:
            # Asked here, where nobody comes between: an administrator may be changing the same key.
            check_own_record(record, asked, only)
            return record if ends_only(asked) else as_its_owner(record, asker)

        done = await issuing.change(changeable(key_id, only), asked, by=by, fit=fit if only is not None else None)
        return KeyDone(key=show(done.record), warnings=done.warnings)

    async def rotate_key(
        key_id: str, asked: RotationAsked, by: Actor, only: Only, asker: Asker, response: Response
    ) -> KeyMade:
        """Makes a new secret; the one of until now opens for the grace. Name, budgets and history stay."""
        response.headers.update(NO_STORE)

        def fit(record: IssuedKey) -> IssuedKey:
            return renewed(record, asker)

        made = await issuing.rotate(
            changeable(key_id, only), asked.grace_s, by=by, fit=fit if only is not None else None
        )
        return KeyMade(key=show(made.record), secret=made.secret, warnings=made.warnings)

    async def revoke_key(key_id: str, by: Actor, only: Only) -> KeyDone:
        """Ends a key for good, from the next request on. It stays in the list, and its name stays taken."""
        done = await issuing.revoke(changeable(key_id, only), by=by)
        return KeyDone(key=show(done.record), warnings=done.warnings)

    async def delete_key(key_id: str, by: Actor, only: Only) -> KeyDone:
        """Revokes a key and takes it out of the list; its name is free again. Ledger, logs and audit log keep it."""
        found = changeable(key_id, only)
        check_own_end(issuing.find(found), only)
        done = await issuing.delete(found, by=by)
        return KeyDone(key=show(done.record), warnings=done.warnings)

    alone: dict[str, Any] = {"dependencies": [Depends(no_parameters)]}
    router.get("/keys")(keys)
    router.post("/keys", status_code=201, **alone)(create_key)
    router.get("/keys/{key_id}", **alone)(key)
    router.patch("/keys/{key_id}", **alone)(change_key)
    router.delete("/keys/{key_id}", **alone)(delete_key)
    router.post("/keys/{key_id}/rotate", **alone)(rotate_key)
    router.post("/keys/{key_id}/revoke", **alone)(revoke_key)
    return router


def selects(query: KeyQuery, record: IssuedKey, now: int) -> bool:
    return query.selects(owner=record.owner, team=record.metadata.get("team"), state=state_of(record, now))


async def page(
    runtime: Runtime,
    kind: Kind,
    query: KeyQuery,
    chosen: Callable[[IssuedKey | Key], bool],
    others: list[Key],
) -> tuple[list[IssuedKey | Key], str | None]:
    """The next ones of a kind that are chosen, in the order of their names, with the `others` among them; and the cursor
    behind them."""
    found: list[IssuedKey | Key] = []
    after = query.cursor or ""
    others = sorted((key for key in others if key.name > after), key=lambda key: key.name)
    while True:
        some = runtime.keyring.after(after, _AT_ONCE)
        whole = len(some) < _AT_ONCE
        last = None if whole else some[-1].name
        due = [key for key in others if last is None or key.name <= last]
        others = others[len(due) :]
        for each in sorted((*some, *due), key=lambda one: one.name):
            if (isinstance(each, Key) or each.kind == kind) and chosen(each):
                found.append(each)
                if len(found) > query.limit:
                    return found[: query.limit], found[query.limit - 1].name
        if last is None:
            return found, None
        after = last
        # The requests' turn.
        await asyncio.sleep(0)
