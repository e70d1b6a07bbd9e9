"""The price book: what every model costs, where its sources disagree, and what has no price."""

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.charge import Instant
from tollway.admin.price_book import disagreements, disputed, is_known, look_up, selected, unknown
from tollway.admin.price_shown import DisagreementShown, ListedPrice, ListedPriceDetail, detail_shown, listed_shown
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.unpriced import Unpriced, unpriced
from tollway.admin.where import no_parameters
from tollway.clock import iso


class _OfProvider(BaseModel):
    model_config = ConfigDict(extra="forbid")

    provider: str | None = Field(default=None, max_length=256, description="By its slug, or another of its names.")


class PriceQuery(_OfProvider):
    model: str | None = Field(default=None, max_length=256, description="A name, in which * stands for anything.")
    limit: int = Field(default=100, ge=1, le=500)
    cursor: str | None = Field(default=None, max_length=1024, description="`next` of the page before.")


class PricePage(BaseModel):
    """By provider, in the order of the lists."""

    at: Instant
    price_book: str
    items: list[ListedPrice]
    next: str | None
    """The cursor of the page after this one; null at the end."""


class Disagreements(BaseModel):
    price_book: str
    items: list[DisagreementShown]
    """Largest difference first."""


def prices_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["prices"])

    async def prices(query: Annotated[PriceQuery, Query()]) -> PricePage:
        """What models cost now, by provider and model."""
        book, now = runtime.snapshot.book, runtime.clock.now()
        found = selected(runtime.snapshot, at_ms=now, provider=query.provider, model=query.model, after=query.cursor)
        try:
            page = list(islice(found, query.limit))
        except ValueError as error:
            raise Problem(400, "parameter_invalid", f"{error}.") from None
        more = next(found, None) is not None
        doubts = disagreements(book, None, now)
        return PricePage(
            at=iso(now),
            price_book=book.version,
            items=[listed_shown(one, disputed(book, one, doubts)) for one in page],
            next=f"{page[-1].provider}/{page[-1].model}" if more else None,
        )

    async def diff(query: Annotated[_OfProvider, Query()]) -> Disagreements:
        """Where the two public price lists disagree, and which of them is used."""
        book = runtime.snapshot.book
        return Disagreements(price_book=book.version, items=disagreements(book, query.provider, runtime.clock.now()))

    async def without_price() -> Unpriced:
        """Models that requests of the last 30 days named, or that the settings name, and that have no price."""
        return await unpriced(runtime)

    async def price(provider: str, model: str) -> ListedPriceDetail:
        """Everything that is known of one model's price. The model's name may have slashes in it."""
        snapshot, now = runtime.snapshot, runtime.clock.now()
        found = look_up(snapshot, provider, model, now)
        if not is_known(found):
            raise Problem(404, "model_unknown", unknown(snapshot.book, provider[:64], model[:256]))
        doubts = disagreements(snapshot.book, found.provider, now)
        return detail_shown(found, snapshot.book, disputed(snapshot.book, found, doubts))

    router.get("/prices")(prices)
    router.get("/prices/diff")(diff)
    router.get("/prices/unpriced", dependencies=[Depends(no_parameters)])(without_price)
    router.get("/prices/{provider}/{model:path}", dependencies=[Depends(no_parameters)])(price)
    return router
