"""A rate limit: whose requests it counts, how many of them or of their tokens in which window, and what it does then."""

from typing import Literal

import msgspec

from tollway.match import Match

Technique = Literal["fixed", "sliding"]
"""fixed: windows that begin at multiples of their length since 1970 UTC (12:00 to 12:10). sliding: the last `window_s`
seconds, at any instant."""

Unit = Literal["requests", "tokens"]


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """One rule about pace. `where`, `split_by`, `untagged` and `attributes` mean what they do in a budget."""

    id: str
    """Names its buckets; stays when `name` changes."""
    name: str
    gateway: str | None = None
    """Slug of the gateway it belongs to; `None` for all of them."""
    where: tuple[Match, ...] = ()
    split_by: tuple[str, ...] = ()
    """Attributes of which each value has a bucket of its own, with the whole limit."""
    requests: int | None = None
    """At most so many in a window; `None`: they are not counted."""
    tokens: int | None = None
    """At most so many, input and output together; `None`: they are not counted."""
    window_s: int
    technique: Technique = "fixed"
    untagged: Literal["skip", "bucket"] = "skip"
    attributes: Literal["any", "verified"] = "any"
    mode: Literal["enforce", "monitor"] = "enforce"
    """monitor: it counts as the other, and refuses nothing."""
    enabled: bool = True

    def most(self, unit: Unit) -> int | None:
        return self.requests if unit == "requests" else self.tokens
