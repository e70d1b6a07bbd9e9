"""What a gateway keeps of answers, read from what is written."""

from tollway.cache.rules import LARGEST_ENTRY, MONTH_S, SHORTEST_S, Caching
from tollway.document.written_gateway import CacheDocument
from tollway.errors import SettingsInvalid


def read_cache(written: CacheDocument | None, cache_ttl: int | None, where: str) -> Caching | None:
    """`None` where nothing is said of it. `cache_ttl` is Cloudflare's name of `ttl_s`.

    Raises SettingsInvalid naming the field (`where` is what it stands in), the value and the way out.
    """
    if written is None and cache_ttl is None:
        return None
    if written is not None and cache_ttl is not None:
        raise SettingsInvalid(
            f"{where}: both cache and cache_ttl are written; cache_ttl is cache.ttl_s, so take it out."
        )
    field = f"{where}.cache_ttl" if written is None else f"{where}.cache.ttl_s"
    written = written or CacheDocument(ttl_s=cache_ttl or 0)
    if written.ttl_s != 0 and not SHORTEST_S <= written.ttl_s <= MONTH_S:
        raise SettingsInvalid(
            f"{field}: {written.ttl_s} is neither 0 (off) nor {SHORTEST_S} to {MONTH_S:,} seconds (31 days)."
        )
    if not 1 <= written.max_entry_bytes <= LARGEST_ENTRY:
        raise SettingsInvalid(
            f"{where}.cache.max_entry_bytes: {written.max_entry_bytes} is not 1 to {LARGEST_ENTRY:,} bytes; "
            "ttl_s: 0 turns it off."
        )
    return Caching(
        ttl_s=written.ttl_s,
        scope=written.scope,
        by_headers=written.by_headers,
        max_entry_bytes=written.max_entry_bytes,
    )
