"""What a caller is told of the limits that count a request: the fields `RateLimit` and `RateLimit-Policy`.

draft-ietf-httpapi-ratelimit-headers: lists of structured fields (RFC 9651), one item a policy, named by a string. A
provider's own x-ratelimit-* fields are about the provider's limits, so those are neither made nor touched here.
"""

from collections.abc import Iterable, Sequence

from tollway.rates.counters import Standing

MOST_TOLD = 8
"""Policies in one answer, the tightest first: an answer's head has bounds of its own."""
_LARGEST = 999_999_999_999_999
"""RFC 9651, 3.3.1: an integer has at most fifteen digits."""


def rate_headers(standings: Iterable[Standing], now: int) -> tuple[tuple[bytes, bytes], ...]:
    """Both fields for the limits that refuse, the one with the least left first; nothing where none counts the request.

    `now`: Unix milliseconds.
    """
    told = _told(standings)
    if not told:
        return ()
    state = ", ".join(f"{_name(each)};r={min(each.left, _LARGEST)};t={_seconds(each, now)}" for each in told)
    policy = ", ".join(
        f"{_name(each)};q={min(each.limit, _LARGEST)};w={each.claim.limit.window_s}{_unit(each)}" for each in told
    )
    return (b"ratelimit", state.encode("ascii")), (b"ratelimit-policy", policy.encode("ascii"))


def _told(standings: Iterable[Standing]) -> Sequence[Standing]:
    found: list[Standing] = []
    named: set[str] = set()
    # By the part that is left; of two equals the one that takes longer to come back.
    for each in sorted(standings, key=lambda each: (each.left / (each.limit or 1), -each.resets_at)):
        # Two buckets of a limit have one name, which a field must not say twice: the tighter one speaks.
        name = _name(each)
        if each.claim.limit.mode == "enforce" and name not in named:
            named.add(name)
            found.append(each)
    return found[:MOST_TOLD]


def _name(standing: Standing) -> str:
    limit = standing.claim.limit
    # RFC 9651, 3.3.3: a string is printable ASCII. Ids are.
    name = limit.name if limit.name.isascii() and limit.name.isprintable() else limit.id
    if standing.unit == "tokens" and limit.requests is not None:
        name += " (tokens)"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _seconds(standing: Standing, now: int) -> int:
    # What is counted a moment after `now` counts no longer than the window either.
    return min(standing.claim.limit.window_s, max(0, -(-(standing.resets_at - now) // 1000)))


def _unit(standing: Standing) -> str:
    # The registry of `qu` knows requests and bytes; the draft wants other parameters prefixed.
    return ';tollway-unit="tokens"' if standing.unit == "tokens" else ""
