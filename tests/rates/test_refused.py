from typing import Any

from tollway.errors import REASONS
from tollway.rates.claims import RateClaim
from tollway.rates.counters import Counters, Limited
from tollway.rates.limit import RateLimit
from tollway.rates.refused import limited

START = 1_782_864_000_000
"""2026-07-01 00:00:00 UTC."""


def refused(bucket: str = "it", expected: int = 0, **fields: Any) -> Limited:
    rule = RateLimit(**{"id": "it", "name": "per user", "requests": 1, "window_s": 60, **fields})
    counters, claims = Counters(), [RateClaim(rule, bucket)]
    counters.admit(claims, START, tokens_expected=expected)
    found = counters.admit(claims, START + 10_000, tokens_expected=expected)
    assert isinstance(found, Limited)
    return found


def test_a_refusal_names_the_limit_what_was_used_the_window_and_when_to_come_back() -> None:
    told = limited(refused())
    assert (told.code, told.rule, told.retry_after_s) == ("rate_limited", "per user", 50)
    assert told.message == (
        'Rate limit "per user" is reached: 1 of 1 requests used in this window of 60 s; try again in 50 s, at '
        "2026-07-01 00:01:00 UTC."
    )
    assert told.details == {
        "limit": "per user",
        "limit_id": "it",
        "bucket": "it",
        "unit": "requests",
        "allowed": 1,
        "used": 1,
        "asked": 1,
        "window_s": 60,
        "technique": "fixed",
        "resets_at": "2026-07-01T00:01:00.000Z",
    }


def test_a_refusal_by_a_split_limit_names_the_bucket_and_by_tokens_what_was_asked() -> None:
    told = limited(refused("it[user=ann]", 60, split_by=("user",), requests=None, tokens=100, technique="sliding"))
    assert told.message == (
        'Rate limit "per user" (bucket "it[user=ann]") is reached: 60 of 100 tokens used in the last 60 s, and this request '
        "is likely to use 60; try again in 50 s, at 2026-07-01 00:01:00 UTC."
    )


def test_what_never_fits_is_not_told_to_come_back() -> None:
    rule = RateLimit(id="it", name="per user", requests=None, tokens=100, window_s=60)
    found = Counters().admit([RateClaim(rule, "it")], START, tokens_expected=5_000)
    assert isinstance(found, Limited)
    told = limited(found)
    assert (told.code, told.retry_after_s, told.details["resets_at"]) == ("rate_unreachable", None, None)
    assert "likely to use 5,000 tokens" in told.message and "allows 100 in 60 s" in told.message


def test_both_codes_are_reasons_and_only_waiting_for_the_first_helps() -> None:
    assert (REASONS["rate_limited"].status, REASONS["rate_limited"].retry) == (429, True)
    assert (REASONS["rate_unreachable"].status, REASONS["rate_unreachable"].retry) == (422, False)
