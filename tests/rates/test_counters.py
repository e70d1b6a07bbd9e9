"""Admission against a log that forgets nothing, crowds, clocks that are set, and bounded memory."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.rates.claims import RateClaim
from tollway.rates.counters import HELD_MS, Admitted, Counters, Limited, Use
from tollway.rates.limit import RateLimit, Technique

START = 1_790_000_000_000
DAY_MS = 86_400_000
TECHNIQUES: tuple[Technique, ...] = ("fixed", "sliding")


def limit(**fields: Any) -> RateLimit:
    return RateLimit(**{"id": "it", "name": "it", "requests": 3, "window_s": 60, **fields})


def claim(bucket: str = "it", **fields: Any) -> RateClaim:
    return RateClaim(limit(**fields), bucket)


def passes(counters: Counters, claims: Sequence[RateClaim], now: int, tokens: int = 0) -> bool:
    return isinstance(counters.admit(claims, now, tokens_expected=tokens), Admitted)


class Oracle:
    """The same rule, told naively: every admitted amount with its instant, asked anew each time."""

    def __init__(self, rule: RateLimit) -> None:
        self.rule = rule
        self.log: list[tuple[int, int, int]] = []
        """When, requests, tokens."""

    def used(self, now: int) -> tuple[int, int]:
        window = self.rule.window_s * 1000
        fixed = self.rule.technique == "fixed"
        counting = [e for e in self.log if (e[0] // window == now // window if fixed else e[0] > now - window)]
        return sum(e[1] for e in counting), sum(e[2] for e in counting)

    def admit(self, now: int, tokens: int) -> bool:
        used = self.used(now)
        most = (self.rule.requests, self.rule.tokens)
        if any(m is not None and u + a > m for m, u, a in zip(most, used, (1, tokens), strict=True)):
            return False
        self.log.append((now, 1, tokens))
        return True


RULES = st.builds(
    limit,
    requests=st.one_of(st.none(), st.integers(1, 6)),
    tokens=st.one_of(st.none(), st.integers(1, 60)),
    window_s=st.sampled_from([1, 2, 7]),
    technique=st.sampled_from(TECHNIQUES),
)


@given(
    st.lists(RULES, min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 1_500), st.integers(0, 30), st.integers(0, 40)), max_size=80),
)
@settings(deadline=None)
def test_requests_are_admitted_exactly_as_a_log_of_all_would(
    rules: list[RateLimit], asked: list[tuple[int, int, int]]
) -> None:
    """All or nothing over several limits, and with tokens put right at once."""
    counters, now = Counters(), START
    rules = [msgspec.structs.replace(rule, id=f"l{number}") for number, rule in enumerate(rules)]
    oracles = [Oracle(rule) for rule in rules]
    claims = [RateClaim(rule, rule.id) for rule in rules]
    for passed, expected, actual in asked:
        now += passed
        before = [list(oracle.log) for oracle in oracles]
        wanted = [oracle.admit(now, expected) for oracle in oracles]
        found = counters.admit(claims, now, tokens_expected=expected)
        assert isinstance(found, Admitted) == all(wanted)
        if isinstance(found, Admitted):
            counters.tokens(found, actual, now)
            for oracle in oracles:
                oracle.log[-1] = (now, 1, actual)
        else:
            for oracle, log in zip(oracles, before, strict=True):
                oracle.log = log
            assert found.used in {u for oracle in oracles for u in oracle.used(now)}
        for oracle in oracles:
            shown = {use.bucket: (use.requests, use.tokens) for use in counters.busiest(oracle.rule, now, 9)}
            used = oracle.used(now)
            counted = tuple(
                None if m is None else u for m, u in zip((oracle.rule.requests, oracle.rule.tokens), used, strict=True)
            )
            assert shown.get(oracle.rule.id, tuple(None if c is None else 0 for c in counted)) == counted


@given(
    st.sampled_from(TECHNIQUES),
    st.integers(1, 400),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), min_size=1, max_size=150),
)
@settings(deadline=None)
def test_no_window_lets_more_through_than_the_limit(
    technique: Technique, most: int, bursts: list[tuple[int, int]]
) -> None:
    """Also of large limits, which sliding windows count in steps; and those err by a sixtieth of the window at most."""
    counters, now, window_ms = Counters(), START, 2_000
    admitted: list[int] = []
    one = claim(requests=most, window_s=2, technique=technique)
    for passed, size in bursts:
        now += passed
        for _ in range(size):
            if passes(counters, [one], now):
                admitted.append(now)
            elif technique == "sliding":
                slack = 0 if most <= 120 else -(-window_ms // 60)
                assert sum(at > now - window_ms - slack for at in admitted) >= most
    for first in admitted:
        if technique == "sliding":
            assert sum(first <= at < first + window_ms for at in admitted) <= most
        else:
            assert sum(at // window_ms == first // window_ms for at in admitted) <= most


@given(st.data())
@settings(deadline=None)
def test_an_interleaved_crowd_never_exceeds_and_never_counts_half(data: st.DataObject) -> None:
    """Callers in several overlapping limits, answers that come late, out of order, with other tokens than expected."""
    counters, now = Counters(), START
    whole = limit(id="whole", requests=8, tokens=200, window_s=5, technique="sliding")
    each = limit(id="each", requests=3, tokens=None, window_s=5, technique="fixed", split_by=("user",))
    under_way: list[tuple[Admitted, str]] = []
    log: list[tuple[int, str]] = []
    for _ in range(data.draw(st.integers(1, 60))):
        now += data.draw(st.integers(0, 700))
        if under_way and data.draw(st.booleans()):
            found, _ = under_way.pop(data.draw(st.integers(0, len(under_way) - 1)))
            counters.tokens(found, data.draw(st.integers(0, 90)), now)
            continue
        user = data.draw(st.sampled_from("abc"))
        claims = [RateClaim(whole, "whole"), RateClaim(each, f"each[user={user}]")]
        found = counters.admit(claims, now, tokens_expected=20)
        if isinstance(found, Admitted):
            under_way.append((found, user))
            assert all(standing.used <= standing.limit for standing in found.standings)
            log.append((now, user))
        assert sum(at > now - 5_000 for at, _ in log) <= 8
        for who in "abc":
            mine = sum(at // 5_000 == now // 5_000 for at, name in log if name == who)
            assert mine <= 3
            use = next((u for u in counters.busiest(each, now, 9) if u.bucket == f"each[user={who}]"), None)
            assert (use.requests if use else 0) == mine


@given(
    st.sampled_from(TECHNIQUES),
    st.sampled_from([-30 * DAY_MS, 30 * DAY_MS]),
    st.lists(st.tuples(st.integers(0, 9_000), st.booleans()), max_size=60),
)
@settings(deadline=None)
def test_a_clock_that_jumps_locks_nobody_out_for_longer_than_a_window_nor_lets_more_through(
    technique: Technique, jump: int, moves: list[tuple[int, bool]]
) -> None:
    """Real time goes on evenly; the clock leaps. A leap forward may begin one window early; a leap back may make a window
    longer by what had passed unseen before it, so that a refusal is never more than a window after it."""
    counters, most, window_ms = Counters(), 3, 10_000
    one = claim(requests=most, window_s=10, technique=technique)
    real, offset, leaps, back = START, 0, list[int](), list[int]()
    admitted: list[int] = []
    for passed, leap in moves:
        real += passed
        if leap and len(leaps) + len(back) < 3:
            offset += jump
            (leaps if jump > 0 else back).append(real)
        found = counters.admit([one], real + offset)
        if isinstance(found, Limited):
            # Somebody who comes back when told is let through, by any clock.
            assert found.retry_after_s is not None and found.retry_after_s <= 10
            assert any(at > real - window_ms for at in admitted + back)
        else:
            admitted.append(real)
    for first in admitted:
        inside = [at for at in admitted if first <= at < first + window_ms]
        extra = sum(first <= at < first + window_ms for at in leaps)
        # Fixed windows let one limit through on each side of their border.
        assert len(inside) <= most * (1 + extra + (technique == "fixed"))


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_who_comes_back_when_told_is_let_through_though_the_clock_was_set_back_in_between(technique: Technique) -> None:
    counters = Counters()
    one = claim(technique=technique)
    while isinstance(found := counters.admit([one], START), Admitted):
        pass
    assert not passes(counters, [one], START - 30 * DAY_MS)
    assert found.retry_after_s is not None
    assert passes(counters, [one], START - 30 * DAY_MS + found.retry_after_s * 1000)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_requests_that_overtook_each_other_do_not_move_the_windows(technique: Technique) -> None:
    counters = Counters()
    one = claim(requests=500, technique=technique)
    admitted = sum(passes(counters, [one], START + number - (HELD_MS // 2) * (number % 2)) for number in range(2_000))
    assert admitted == 500


@pytest.mark.parametrize(
    ("technique", "came", "retry_after_s"),
    [("fixed", [1_000, 2_000, 59_000], 1), ("fixed", [0, 0, 0], 60), ("sliding", [1_000, 2_000, 59_000], 2)],
)
def test_a_refusal_says_when_the_request_will_fit(technique: Technique, came: list[int], retry_after_s: int) -> None:
    counters, began = Counters(), START - START % 60_000
    one = claim(technique=technique)
    for at in came:
        assert passes(counters, [one], began + at)
    now = began + max(came)
    found = counters.admit([one], now)
    assert isinstance(found, Limited)
    assert (found.claim, found.unit, found.limit, found.used, found.asked) == (one, "requests", 3, 3, 1)
    assert found.retry_after_s == retry_after_s
    assert found.resets_at is not None and found.resets_at <= now + retry_after_s * 1000
    assert not passes(counters, [one], found.resets_at - 1)
    assert passes(counters, [one], found.resets_at)


def test_a_refused_request_counts_nowhere() -> None:
    counters = Counters()
    tight, wide = claim("tight", id="tight", requests=1), claim("wide", id="wide", requests=2)
    assert passes(counters, [wide, tight], START)
    for _ in range(5):
        assert not passes(counters, [wide, tight], START)
    assert counters.busiest(wide.limit, START, 5) == [Use("wide", 1, None)]


def test_of_several_limits_the_one_that_takes_longest_refuses() -> None:
    counters = Counters()
    short, long = claim("s", id="s", requests=1, window_s=5), claim("l", id="l", requests=1, window_s=3_600)
    assert passes(counters, [short, long], START)
    found = counters.admit([short, long], START)
    assert isinstance(found, Limited) and found.claim == long


def test_more_tokens_than_the_limit_has_never_fit_and_that_is_said() -> None:
    counters = Counters()
    found = counters.admit([claim(tokens=100)], START, tokens_expected=101)
    assert isinstance(found, Limited)
    assert (found.unit, found.retry_after_s, found.resets_at) == ("tokens", None, None)
    assert passes(counters, [claim(tokens=100)], START, tokens=100)


def test_tokens_beyond_the_expected_count_when_they_are_known() -> None:
    counters = Counters()
    one = claim(requests=None, tokens=100, window_s=10)
    found = counters.admit([one], START, tokens_expected=10)
    assert isinstance(found, Admitted)
    # A stream that outlives its window has still used what it used.
    late = START + 30_000
    counters.tokens(found, 95, late)
    assert counters.busiest(one.limit, late, 1) == [Use("it", None, 85)]
    assert not passes(counters, [one], late, tokens=16)


def test_tokens_may_pass_the_limit_once_they_are_known_and_then_the_next_waits() -> None:
    counters = Counters()
    one = claim(requests=None, tokens=100)
    found = counters.admit([one], START, tokens_expected=10)
    assert isinstance(found, Admitted)
    counters.tokens(found, 1_000, START)
    assert not passes(counters, [one], START, tokens=1)
    # What adds nothing is not told to wait for a limit of tokens that is passed already.
    assert not passes(counters, [one], START, tokens=0)


def test_a_request_that_was_never_sent_gives_back_its_tokens_and_stays_counted() -> None:
    counters = Counters()
    one = claim(tokens=100)
    found = counters.admit([one], START, tokens_expected=80)
    assert isinstance(found, Admitted)
    counters.release(found, START + 5)
    assert counters.busiest(one.limit, START + 5, 1) == [Use("it", 1, 0)]


def test_a_correction_never_takes_from_the_window_after() -> None:
    counters, began = Counters(), START - START % 60_000
    one = claim(requests=None, tokens=100)
    found = counters.admit([one], began, tokens_expected=80)
    assert isinstance(found, Admitted)
    assert passes(counters, [one], began + 60_000, tokens=50)
    counters.tokens(found, 0, began + 60_001)
    assert counters.busiest(one.limit, began + 60_001, 1) == [Use("it", None, 50)]


def test_a_monitoring_limit_counts_and_says_so_and_refuses_nothing() -> None:
    counters = Counters()
    one = claim(requests=1, mode="monitor")
    first, second = counters.admit([one], START), counters.admit([one], START)
    assert isinstance(first, Admitted) and isinstance(second, Admitted)
    assert first.exceeded == ()
    assert [(s.used, s.limit, s.left) for s in second.exceeded] == [(2, 1, 0)]


def test_another_number_keeps_the_count_and_another_window_begins_anew() -> None:
    counters = Counters()
    for _ in range(3):
        assert passes(counters, [claim(requests=3)], START)
    raised = counters.admit([claim(requests=4)], START)
    assert isinstance(raised, Admitted) and raised.standings[0].used == 4
    assert passes(counters, [claim(requests=3, window_s=61)], START)


def test_standings_tell_of_every_claim() -> None:
    counters = Counters()
    claims = [claim("a", id="a", tokens=50), claim("b", id="b", requests=9, technique="sliding", window_s=5)]
    found = counters.admit(claims, START, tokens_expected=20)
    assert isinstance(found, Admitted)
    assert [(s.claim.bucket, s.unit, s.used, s.left) for s in found.standings] == [
        ("a", "requests", 1, 2),
        ("a", "tokens", 20, 30),
        ("b", "requests", 1, 8),
    ]
    assert found.standings[2].resets_at == START + 5_000


def test_what_no_longer_counts_is_forgotten() -> None:
    counters = Counters()
    for number in range(500):
        passes(counters, [claim(f"it[user={number}]")], START)
    assert len(counters) == 500
    for later in range(60):
        passes(counters, [claim("it[user=x]")], START + 120_000 + later)
    assert len(counters) == 1


def test_where_there_is_no_room_newcomers_share_one_bucket_and_nobody_passes_uncounted() -> None:
    counters = Counters(most=8)
    known = [f"it[user={number}]" for number in range(4)]
    assert all(passes(counters, [claim(bucket)], START) for bucket in known)
    strangers = [f"it[user=stranger-{number}]" for number in range(100)]
    assert sum(passes(counters, [claim(bucket)], START) for bucket in strangers) == 3
    # Those who were there before have what they had.
    assert sum(passes(counters, [claim(bucket)], START) for bucket in known * 5) == 8
    assert counters.busiest(limit(), START, 9)[-1].requests == 3
    # Another limit has room.
    assert passes(counters, [claim("other", id="other")], START)
    # And once the window is over, so has this one.
    assert passes(counters, [claim(strangers[0])], START + 60_000)
    assert passes(counters, [claim(strangers[1])], START + 60_000)
    assert {use.bucket for use in counters.busiest(limit(), START + 60_000, 9)} == set(strangers[:2])


@given(
    st.sampled_from(TECHNIQUES),
    st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 9)), max_size=150),
)
@settings(deadline=None)
def test_no_bucket_escapes_its_limit_however_little_room_there_is(
    technique: Technique, asked: list[tuple[int, int]]
) -> None:
    counters, now = Counters(most=4), START
    log: list[tuple[int, int]] = []
    for passed, user in asked:
        now += passed
        if passes(counters, [claim(f"it[user={user}]", technique=technique, window_s=10, requests=2)], now):
            log.append((now, user))
        assert len(counters) <= 5
    for at, user in log:
        window = [
            a
            for a, who in log
            if who == user and (a // 10_000 == at // 10_000 if technique == "fixed" else at <= a < at + 10_000)
        ]
        assert len(window) <= 2


def test_two_buckets_that_share_for_want_of_room_count_a_request_once() -> None:
    counters = Counters(most=2)
    assert passes(counters, [claim("it[group=a]")], START)
    both = [claim("it[group=b]"), claim("it[group=c]")]
    assert [passes(counters, both, START) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_an_element_of_a_route_weighs_by_its_own_counter(technique: Technique) -> None:
    counters, began = Counters(), START - START % 60_000
    name = "route/7/limit[user=alice]"
    assert [counters.weigh(name, 2, 60, technique, began) for _ in range(3)] == [0, 0, 60_000]
    assert counters.weigh("route/7/limit[user=bob]", 2, 60, technique, began) == 0
    assert counters.weigh("route/8/limit", 2, 60, technique, began, amount=3) > 0
    assert counters.weigh(name, 2, 60, technique, began + 59_999) == 1
    assert counters.weigh(name, 2, 60, technique, began + 60_000) == 0


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_an_element_of_a_route_counts_what_was_spent(technique: Technique) -> None:
    counters, began = Counters(), START - START % 60_000
    asked: tuple[str, int, int, Technique] = ("route/7/cost[user=alice]", 5_000, 60, technique)
    assert counters.under(*asked, began) == 0
    counters.spent("route/7/cost[user=alice]", 4_999, 60, technique, began)
    assert counters.under(*asked, began) == 0
    counters.spent("route/7/cost[user=alice]", 1, 60, technique, began + 20_000)
    counters.spent("route/7/cost[user=alice]", 0, 60, technique, began + 20_000)
    assert counters.under(*asked, began + 20_000) == 40_000
    assert counters.under(*asked, began + 60_000) == 0


@given(
    st.sampled_from(TECHNIQUES),
    st.integers(1, 200),
    st.integers(1, 5),
    st.lists(st.tuples(st.integers(0, 900), st.booleans(), st.integers(1, 60)), min_size=1, max_size=250),
)
@settings(deadline=None)
def test_a_limit_of_a_route_lets_in_when_it_says_and_not_a_second_before(
    technique: Technique, limit: int, window_s: int, moves: list[tuple[int, bool, int]]
) -> None:
    """Whoever comes back at the second told is let in, if nobody else asks; whoever comes earlier is not."""
    now = START
    counters = Counters()
    for passed, is_request, cost in moves:
        now += passed
        if is_request:
            wait_ms = counters.weigh("count", limit, window_s, technique, now)
        else:
            wait_ms = counters.under("cost", 10 * limit, window_s, technique, now)
            counters.spent("cost", 0 if wait_ms else cost, window_s, technique, now)
        assert 0 <= wait_ms <= window_s * 1000
        if wait_ms:
            asked = counters.weigh if is_request else counters.under
            name, most = ("count", limit) if is_request else ("cost", 10 * limit)
            now += wait_ms - 1
            assert asked(name, most, window_s, technique, now) == 1
            now += 1
            assert asked(name, most, window_s, technique, now) == 0


@given(
    st.sampled_from(TECHNIQUES),
    st.integers(1, 200),
    st.integers(1, 5),
    st.lists(st.integers(0, 90), min_size=1, max_size=400),
)
@settings(deadline=None, max_examples=50)
def test_a_request_that_is_refused_fits_when_it_is_told_to_come_back(
    technique: Technique, most: int, window_s: int, moves: list[int]
) -> None:
    counters, now = Counters(), START
    one = claim(requests=most, window_s=window_s, technique=technique)
    for passed in moves:
        now += passed
        found = counters.admit([one], now)
        if isinstance(found, Limited):
            assert found.retry_after_s is not None and found.resets_at is not None
            assert 1 <= found.retry_after_s <= window_s
            # Never too low, and too high by the rest of a second alone.
            assert found.resets_at - now <= found.retry_after_s * 1000 < found.resets_at - now + 1000
            assert not passes(counters, [one], found.resets_at - 1)
            now += found.retry_after_s * 1000
            assert passes(counters, [one], now)


def test_who_was_counted_in_the_shared_bucket_gets_no_new_one_while_that_still_counts() -> None:
    counters = Counters(most=4)
    sliding: dict[str, Any] = {"technique": "sliding"}
    for known in ("it[user=a]", "it[user=b]"):
        assert passes(counters, [claim(known, **sliding)], START)
    stranger = claim("it[user=c]", **sliding)
    assert all(passes(counters, [stranger], START + 50_000) for _ in range(3))
    # The others are forgotten by now, and there would be room.
    assert not passes(counters, [stranger], START + 70_000)
    assert passes(counters, [stranger], START + 110_000)
