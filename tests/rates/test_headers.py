from typing import Any

from tollway.rates.claims import RateClaim
from tollway.rates.counters import Standing
from tollway.rates.headers import MOST_TOLD, rate_headers
from tollway.rates.limit import RateLimit, Unit

NOW = 1_790_000_000_000


def standing(used: int, most: int = 10, unit: Unit = "requests", resets_in_ms: int = 30_000, **fields: Any) -> Standing:
    given: dict[str, Any] = {"id": "l", "name": "per user", "requests": 10, "window_s": 60, **fields}
    return Standing(RateClaim(RateLimit(**given), given["id"]), unit, most, used, NOW + resets_in_ms)


def told(*standings: Standing) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in rate_headers(standings, NOW)}


def test_a_limit_is_told_with_what_is_left_and_what_it_is() -> None:
    assert told(standing(1)) == {
        "ratelimit": '"per user";r=9;t=30',
        "ratelimit-policy": '"per user";q=10;w=60',
    }


def test_nothing_takes_longer_than_its_window_to_come_back() -> None:
    assert told(standing(1, resets_in_ms=60_004))["ratelimit"] == '"per user";r=9;t=60'


def test_the_tightest_is_told_first() -> None:
    standings = [
        standing(1, id="a", name="a"),
        standing(9, id="b", name="b"),
        standing(50, 100, id="c", name="c", resets_in_ms=100),
    ]
    assert told(*standings)["ratelimit"] == '"b";r=1;t=30, "c";r=50;t=1, "a";r=9;t=30'
    assert told(*standings)["ratelimit-policy"].startswith('"b";q=10;w=60, "c";q=100;w=60')


def test_requests_and_tokens_of_one_limit_have_two_names_and_tokens_their_unit() -> None:
    both = told(standing(1), standing(900, 1_000, "tokens", tokens=1_000))
    assert both["ratelimit"] == '"per user (tokens)";r=100;t=30, "per user";r=9;t=30'
    assert both["ratelimit-policy"] == '"per user (tokens)";q=1000;w=60;tollway-unit="tokens", "per user";q=10;w=60'
    alone = told(standing(0, 1_000, "tokens", requests=None, tokens=1_000))
    assert alone["ratelimit"] == '"per user";r=1000;t=30'


def test_what_is_used_beyond_the_limit_is_nothing_left() -> None:
    assert told(standing(15))["ratelimit"] == '"per user";r=0;t=30'


def test_of_two_buckets_of_a_limit_the_tighter_one_speaks() -> None:
    assert told(standing(2), standing(7))["ratelimit"] == '"per user";r=3;t=30'


def test_a_monitoring_limit_is_not_told_and_without_limits_nothing_is() -> None:
    assert told(standing(1, mode="monitor")) == {}
    assert told() == {}


def test_a_name_is_a_string_of_structured_fields() -> None:
    assert told(standing(1, name='a "b" \\c'))["ratelimit"] == '"a \\"b\\" \\\\c";r=9;t=30'
    assert told(standing(1, name="jede Köchin", id="jede-K-chin"))["ratelimit"] == '"jede-K-chin";r=9;t=30'


def test_only_so_many_are_told() -> None:
    many = [standing(number, 1_000, id=f"l{number}", name=f"l{number}") for number in range(40)]
    assert told(*many)["ratelimit"].count(";r=") == MOST_TOLD


def test_numbers_have_fifteen_digits_at_most_and_times_are_not_negative() -> None:
    assert told(standing(0, 10**18, resets_in_ms=-5))["ratelimit"] == '"per user";r=999999999999999;t=0'
