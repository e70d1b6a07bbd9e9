"""Which rate limits count a request, and in which of their buckets."""

from collections.abc import Iterable

import msgspec

from tollway.budgets.holds import accounts_of
from tollway.match import Facts, all_hold
from tollway.rates.limit import RateLimit


class RateClaim(msgspec.Struct, frozen=True):
    """A limit that counts the request, and the bucket of it that does."""

    limit: RateLimit
    bucket: str
    """`per-user[user=alice@example.com]`, named as the accounts of budgets are; the limit's id where it is not split."""


def claims(limits: Iterable[RateLimit], facts: Facts) -> tuple[RateClaim, ...]:
    """Every limit that selects a request of these facts, in the order of `limits`, once for each bucket."""
    found: list[RateClaim] = []
    for limit in limits:
        proven = limit.attributes == "verified"
        if limit.enabled and all_hold(limit.where, facts, proven=proven):
            found.extend(RateClaim(limit, bucket) for bucket in accounts_of(limit, facts, proven=proven))
    return tuple(found)
