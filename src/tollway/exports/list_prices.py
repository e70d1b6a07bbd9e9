"""What a line of a charge would have cost at the public list price, where the settings or the caller set another one."""

from collections.abc import Callable

from tollway.ledger.entry import LedgerEntry
from tollway.money import Money
from tollway.pricing.catalogue import active_price
from tollway.pricing.charge import ChargeLine
from tollway.pricing.price import PriceBook
from tollway.pricing.units import PER, UnitPrice

Named = Callable[[str, str, int], tuple[str, str] | None]
"""(provider of the settings, model, Unix milliseconds) → how the price lists name the two; `None` where no list has it."""

_OWN = frozenset({"settings", "custom"})
"""Labels of a price that is not the list's (`pricing.price`, `pricing.custom_cost`)."""
_OF_SETTINGS = "settings."
_WHOLES = {"cache": "input", "input": "input", "reasoning": "output", "output": "output"}
"""The first word of a meter → what it is billed as, where a list has no price of its own for it."""


class ListPrices:
    """The list prices behind the lines of charges."""

    def __init__(self, book: PriceBook, named: Named) -> None:
        self._book = book
        self._named = named
        self._factors = {o.digest: o.factor for o in book.overrides if o.factor is not None}

    def of(self, entry: LedgerEntry, line: ChargeLine) -> UnitPrice | None:
        """The list price of the line's meter when the entry was admitted; `None` where no list tells it.

        A charge at the list price tells it itself: with its service tier, region and length of input. One at a discount is
        taken back to it. For a price of its own, the standard tier is looked up.
        """
        labels = _labels(entry.charge.price_id)
        discounts = [label.removeprefix(_OF_SETTINGS) for label in labels if label.startswith(_OF_SETTINGS)]
        if not discounts and not _OWN.intersection(labels):
            return line.unit_price
        factors = [self._factors.get(digest) for digest in discounts]
        if factors and line.meter in PER and all(factor is not None for factor in factors):
            amount, per = line.unit_price.amount, line.unit_price.per
            for up, down in filter(None, factors):
                amount, per = Money(amount * down), per * up
            return UnitPrice(amount, per)
        return self._looked_up(entry, line.meter)

    def _looked_up(self, entry: LedgerEntry, meter: str) -> UnitPrice | None:
        context = entry.context
        found = self._named(context.provider, context.model, entry.occurred_at)
        if found is None or (listed := self._book.find(*found)) is None or not listed.prices:
            return None
        price = self._book.list_price(found[0], listed, active_price(listed, entry.occurred_at))
        usage = entry.usage
        units = price.units_at(0 if usage is None else usage.input_tokens or 0)
        own = units.get(meter) or units.get(meter.partition(":")[0])
        return own if own is not None else units.get(_WHOLES.get(meter.partition("_")[0], ""))


def _labels(price_id: str | None) -> list[str]:
    """What the id of a price says was done to it: `provider/model@since+label+label#book`."""
    said = (price_id or "").rpartition("#")[0]
    return said.rpartition("@")[2].split("+") if "@" in said else []
