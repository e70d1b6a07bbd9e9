"""Saved views: a page of the dashboard with its range, filters and grouping, under a name."""

import os
import re
from typing import Literal, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.access import Asker
from tollway.admin.charge import Instant
from tollway.admin.local_users import LocalUsers
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.settings_change import ADMIN
from tollway.admin.where import no_parameters
from tollway.clock import iso
from tollway.identity.names import same
from tollway.identity.roles import Principal
from tollway.ids import Ids
from tollway.storage.protocol import Kept

DRAWER = "view"
MOST = 100
"""Views that one person may keep."""

_PAGE = re.compile(r"/[a-z][a-z-]{0,31}|/")
_TIDY_UP = "settings:write"
"""Whoever has it may take out a shared view of somebody else, who may have left."""


OwnedBy = Literal["token", "local", "person"]
"""The administrator's token, an administrator that is known here alone, whoever an identity provider has signed in."""


class Owner(NamedTuple):
    """Whose views are one's own."""

    name: str
    kind: OwnedBy


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One view, as it is kept."""

    name: str
    page: str
    address: str
    shared: bool
    owner: str
    """By `same`: names differ by no case."""
    owned_by: OwnedBy | None = None
    """What the owner is: people of an identity provider may be called as anybody is. `None` of a view that was saved before
    that was kept."""
    by: str
    at: int


class ViewGiven(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    page: str = Field(max_length=33, description='The path below /dashboard: "/spend", "/requests".')
    address: str = Field(default="", max_length=4_000, description='What follows the "?": "by=model&range=month".')
    shared: bool = Field(default=False, description="Everybody who may open the page sees it in their list.")


class ViewShown(BaseModel):
    id: str
    name: str
    page: str
    address: str
    shared: bool
    by: str
    mine: bool
    """Whether whoever asks may rename and share it."""
    at: Instant
    """When it was saved last."""


class ViewList(BaseModel):
    """One's own and those that are shared, by name. Shared is the view, not what it shows: that follows from each reader's role."""

    items: list[ViewShown]


def views_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["views"], dependencies=[Depends(no_parameters)])
    ids = Ids(os.urandom)
    cabinet = runtime.store.cabinet

    users = LocalUsers(cabinet)

    async def read(kept: Kept) -> View:
        view = msgspec.json.decode(kept.record, type=View)
        if view.owned_by is not None:
            return view
        kind: OwnedBy = "person"
        if view.owner == ADMIN:
            kind = "token"
        elif await users.get(view.owner, runtime.clock.now()) is not None:
            kind = "local"
        return msgspec.structs.replace(view, owned_by=kind)

    async def everything() -> list[tuple[str, View]]:
        return [(kept.id, await read(kept)) for kept in await cabinet.all(DRAWER, runtime.clock.now())]

    async def found(view_id: str, asker: Principal) -> View:
        kept = await cabinet.get(DRAWER, view_id, runtime.clock.now())
        view = await read(kept) if kept is not None else None
        if view is None or not (view.shared or _is_of(view, _owner(asker))):
            raise Problem(404, "view_unknown", f'No view "{view_id[:64]}"; GET /api/v1/views lists those you see.')
        return view

    async def keep(view_id: str, view: View) -> None:
        await cabinet.put(Kept(drawer=DRAWER, id=view_id, record=msgspec.json.encode(view), at=view.at))

    async def views(asker: Asker) -> ViewList:
        """One's own saved views, and those that others share."""
        own = _owner(asker)
        seen = [(view_id, view) for view_id, view in await everything() if view.shared or _is_of(view, own)]
        seen.sort(key=lambda item: (item[1].name.casefold(), item[0]))
        return ViewList(items=[_shown(view_id, view, own) for view_id, view in seen])

    async def save_view(given: ViewGiven, asker: Asker) -> ViewShown:
        """Saves a view of one's own."""
        own = _owner(asker)
        view = _given(given, own, asker.name, runtime.clock.now())
        mine = [each for _, each in await everything() if _is_of(each, own)]
        if len(mine) >= MOST:
            raise Problem(409, "views_full", f"You have {MOST} views already; delete one that you do not use.")
        _check_name(view, mine)
        view_id = ids.new(view.at)
        await keep(view_id, view)
        return _shown(view_id, view, own)

    async def change_view(view_id: str, given: ViewGiven, asker: Asker) -> ViewShown:
        """Gives a view of one's own another name, another address, or shares it."""
        own, before = _owner(asker), await found(view_id, asker)
        if not _is_of(before, own):
            raise Problem(403, "forbidden", f'"{before.name}" is {before.by}\'s; save it as a view of your own.')
        view = _given(given, own, asker.name, runtime.clock.now())
        _check_name(view, [each for each_id, each in await everything() if _is_of(each, own) and each_id != view_id])
        await keep(view_id, view)
        return _shown(view_id, view, own)

    async def delete_view(view_id: str, asker: Asker) -> ViewShown:
        """Takes a view out; one that is shared may also be taken out by whoever changes settings."""
        own, view = _owner(asker), await found(view_id, asker)
        if not _is_of(view, own) and not asker.may(_TIDY_UP):
            raise Problem(403, "forbidden", f'"{view.name}" is {view.by}\'s; they or an admin may delete it.')
        await cabinet.take(DRAWER, view_id, runtime.clock.now())
        return _shown(view_id, view, own)

    router.get("/views")(views)
    router.post("/views", status_code=201)(save_view)
    router.put("/views/{view_id}")(change_view)
    router.delete("/views/{view_id}")(delete_view)
    return router


def _owner(asker: Principal) -> Owner:
    if asker.user is not None:
        return Owner(same(asker.user), "person")
    return Owner(same(asker.name), "token" if asker.by == "token" else "local")


def _is_of(view: View, owner: Owner) -> bool:
    return (view.owner, view.owned_by) == owner


def _given(given: ViewGiven, own: Owner, by: str, now: int) -> View:
    """Raises Problem for a page or an address that is none."""
    name = " ".join(given.name.split())
    if not name or not name.isprintable():
        raise Problem(400, "body_invalid", "name: it has nothing to be read in it.")
    if not _PAGE.fullmatch(given.page):
        raise Problem(400, "body_invalid", f'page: {given.page!r} is none; write the path of a page such as "/spend".')
    address = given.address.removeprefix("?")
    try:
        parse_qsl(address, keep_blank_values=True, strict_parsing=bool(address), max_num_fields=64)
    except ValueError:
        raise Problem(
            400, "body_invalid", 'address: it is not the query of an address, such as "by=model&range=month".'
        ) from None
    return View(
        name=name,
        page=given.page,
        address=address,
        shared=given.shared,
        owner=own.name,
        owned_by=own.kind,
        by=by,
        at=now,
    )


def _check_name(view: View, others: list[View]) -> None:
    if any(each.page == view.page and each.name.casefold() == view.name.casefold() for each in others):
        raise Problem(409, "view_exists", f'You have a view "{view.name}" of that page already; take another name.')


def _shown(view_id: str, view: View, own: Owner) -> ViewShown:
    return ViewShown(
        id=view_id,
        name=view.name,
        page=view.page,
        address=view.address,
        shared=view.shared,
        by=view.by,
        mine=_is_of(view, own),
        at=iso(view.at),
    )
