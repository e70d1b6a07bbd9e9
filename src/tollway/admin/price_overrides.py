"""The prices of the settings: which there are, setting one, and taking one out."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from tollway.admin.audit import Actor
from tollway.admin.price_warnings import price_warnings
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.settings_change import IfMatch, SettingsChange, etag
from tollway.admin.where import no_parameters
from tollway.document.price_edit import with_price, without_entry
from tollway.document.price_entries import entry_ids, is_same, price_given
from tollway.document.text import parse
from tollway.pricing.overrides import PriceOverride, read_overrides
from tollway.pricing.slugs import canonical
from tollway.snapshot import Snapshot

_SCHEMA = msgspec.json.schema_components([PriceOverride])[1]["PriceOverride"]

Written = Annotated[dict[str, Any], WithJsonSchema(_SCHEMA)]
"""An entry of `prices:` as the settings have it; what it does not say is left out, not null."""


class OverrideQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    provider: str | None = Field(default=None, max_length=256, description="By its slug, or another of its names.")
    limit: int = Field(default=100, ge=1, le=500)
    cursor: str | None = Field(default=None, max_length=256, description="`next` of the page before.")


class OverrideShown(BaseModel):
    """One price of the settings."""

    id: str
    """Of its provider, model and dates: another amount leaves it as it is."""
    active: bool
    """It is in effect now, by its dates; an entry before it may hold instead."""
    override: Written


class OverridePage(BaseModel):
    """In the order in which they are tried: the first that matches holds."""

    revision: int
    items: list[OverrideShown]
    next: str | None
    """The cursor of the page after this one; null at the end."""


class OverrideChanged(OverrideShown):
    """What was set or taken out, and the settings since."""

    revision: int
    changed: bool
    """False where the settings said so already."""
    replaced: Written | None
    """The entry for the same name and time that stood there before."""
    warnings: list[str]


def overrides_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["prices"])
    settings = SettingsChange(runtime)

    async def overrides(query: Annotated[OverrideQuery, Query()], response: Response) -> OverridePage:
        """The prices of the settings, in the order in which they are tried."""
        snapshot, now = runtime.snapshot, runtime.clock.now()
        found = _shown(parse(snapshot.document).prices, now)
        begin = 0
        if query.cursor is not None:
            begin = next((i + 1 for i, one in enumerate(found) if one.id == query.cursor), 0)
            if not begin:
                raise Problem(400, "parameter_invalid", "cursor: take it from the page before; its entry may be gone.")
        wanted = [
            one
            for one in found[begin:]
            if query.provider is None or canonical(one.override["provider"]) == canonical(query.provider)
        ]
        response.headers.update(etag(snapshot))
        more = len(wanted) > query.limit
        items = wanted[: query.limit]
        return OverridePage(revision=snapshot.revision, items=items, next=items[-1].id if more else None)

    async def override(override_id: str, response: Response) -> OverrideShown:
        """One price of the settings."""
        snapshot = runtime.snapshot
        prices = parse(snapshot.document).prices
        shown = _shown(prices, runtime.clock.now())[_place(prices, override_id)]
        response.headers.update(etag(snapshot))
        return shown

    async def set_override(
        written: Annotated[Written, Body()], response: Response, by: Actor, if_match: IfMatch = None
    ) -> OverrideChanged:
        """Writes a price into the settings, in the place of the one for the same name and time; 201 where there was none."""
        try:
            price = price_given(written)
            read_overrides((price,))
        except ValueError as error:
            raise Problem(400, "body_invalid", f"{str(error).rstrip('.')}. Nothing was changed.") from None
        replaced: list[PriceOverride] = []

        def edit(text: str) -> str:
            replaced.extend(old for old in parse(text).prices if is_same(old, price))
            return with_price(text, price)

        after = await settings.make(edit, if_match, by)
        prices = parse(after.snapshot.document).prices
        now = runtime.clock.now()
        place = next(i for i, one in enumerate(prices) if is_same(one, price))
        response.status_code = 200 if replaced else 201
        response.headers.update(etag(after.snapshot))
        return OverrideChanged(
            **_shown(prices, now)[place].model_dump(),
            revision=after.snapshot.revision,
            changed=after.changed,
            replaced=_written(replaced[0]) if replaced and after.changed else None,
            warnings=[*price_warnings(price, after.snapshot, now), *after.warnings],
        )

    async def remove_override(
        override_id: str, response: Response, by: Actor, if_match: IfMatch = None
    ) -> OverrideChanged:
        """Takes a price out of the settings, and answers with what it was."""
        removed: list[OverrideShown] = []

        def edit(text: str) -> str:
            prices = parse(text).prices
            place = _place(prices, override_id)
            removed.append(_shown(prices, runtime.clock.now())[place])
            return without_entry(text, place)

        after = await settings.make(edit, if_match, by)
        response.headers.update(etag(after.snapshot))
        gone = removed[0]
        return OverrideChanged(
            **gone.model_dump(),
            revision=after.snapshot.revision,
            changed=True,
            replaced=None,
            warnings=[*_left_without(gone.override, after.snapshot, runtime.clock.now()), *after.warnings],
        )

    nothing_else = [Depends(no_parameters)]
    router.get("/prices/overrides")(overrides)
    router.post("/prices/overrides", status_code=201, dependencies=nothing_else)(set_override)
    router.get("/prices/overrides/{override_id}", dependencies=nothing_else)(override)
    router.delete("/prices/overrides/{override_id}", dependencies=nothing_else)(remove_override)
    return router


def _written(price: PriceOverride) -> dict[str, Any]:
    return msgspec.to_builtins(price)


def _shown(prices: Sequence[PriceOverride], now: int) -> list[OverrideShown]:
    read = read_overrides(prices)
    return [
        OverrideShown(id=own, active=override.active(now), override=_written(price))
        for own, override, price in zip(entry_ids(prices), read, prices, strict=True)
    ]


def _place(prices: Sequence[PriceOverride], override_id: str) -> int:
    ids = entry_ids(prices)
    if override_id not in ids:
        known = f"; there are: {', '.join(ids[:20])}" if ids else "; they have none"
        raise Problem(404, "override_unknown", f'The settings have no price with the id "{override_id[:128]}"{known}.')
    return ids.index(override_id)


def _left_without(written: dict[str, Any], snapshot: Snapshot, now: int) -> list[str]:
    """A model that nothing prices any more."""
    provider, model = str(written["provider"]), str(written["model"])
    if "*" in model or snapshot.book.price(provider, model, at_ms=now) is not None:
        return []
    return [
        f"{provider}/{model} has no price now: a budget refuses it, unless it says on_unpriced: ceiling (or count)."
    ]
