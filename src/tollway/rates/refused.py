"""What a request is told that a rate limit refuses."""

from typing import Any, NamedTuple

from tollway.clock import instant, iso
from tollway.rates.counters import Limited


class Told(NamedTuple):
    """The parts of a refusal."""

    code: str
    """A key of `errors.REASONS`: "rate_limited", or "rate_unreachable" where no waiting helps."""
    message: str
    rule: str
    """The limit's name."""
    retry_after_s: int | None
    details: dict[str, Any]


def limited(found: Limited) -> Told:
    """Which limit it is, what was used of it in which window, and when to come back."""
    limit = found.claim.limit
    title = f'rate limit "{limit.name}"'
    if limit.split_by:
        title += f' (bucket "{found.claim.bucket}")'
    window = f"{limit.window_s:,} s"
    details: dict[str, Any] = {
        "limit": limit.name,
        "limit_id": limit.id,
        "bucket": found.claim.bucket,
        "unit": found.unit,
        "allowed": found.limit,
        "used": found.used,
        "asked": found.asked,
        "window_s": limit.window_s,
        "technique": limit.technique,
        "resets_at": iso(found.resets_at) if found.resets_at is not None else None,
    }
    if found.retry_after_s is None or found.resets_at is None:
        message = (
            f"This request is likely to use {found.asked:,} {found.unit}, and {title} allows {found.limit:,} in {window}. "
            "Waiting does not help; send less or ask for less output (a smaller max_tokens), or have the limit raised."
        )
        return Told("rate_unreachable", message, limit.name, None, details)
    needs = f", and this request is likely to use {found.asked:,}" if found.unit == "tokens" else ""
    span = "this window of" if limit.technique == "fixed" else "the last"
    message = (
        f"{title[0].upper()}{title[1:]} is reached: {found.used:,} of {found.limit:,} {found.unit} used in {span} "
        f"{window}{needs}; try again in {found.retry_after_s:,} s, at {instant(found.resets_at):%Y-%m-%d %H:%M:%S} UTC."
    )
    return Told("rate_limited", message, limit.name, found.retry_after_s, details)
