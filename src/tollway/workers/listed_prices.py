"""The public list prices of what the providers of the settings serve, for FOCUS."""

from tollway.exports.list_prices import ListPrices
from tollway.snapshot import Snapshot


def list_prices(snapshot: Snapshot) -> ListPrices:
    """Those of the price book that is in force, by the names that the settings have for providers and models."""

    def named(provider: str, model: str, at_ms: int) -> tuple[str, str] | None:
        known = snapshot.provider(provider)
        if known is None:
            return provider, model
        listed = snapshot.listed(known, model or None, at_ms)
        return None if listed.price_list is None else (listed.price_list, listed.model)

    return ListPrices(snapshot.book, named)
