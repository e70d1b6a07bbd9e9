"""Budgets told the past, against ledgers added up by hand and against the counters that really refuse."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.budgets.budget import Action, Budget, Override
from tollway.budgets.holds import UNLIMITED, claims, holds
from tollway.budgets.replay import Blocked, Changed, Past, Replay
from tollway.budgets.window import Calendar, Fixed, Rolling, Total
from tollway.ledger import journal
from tollway.ledger.entry import Context, LedgerEntry, entry_id
from tollway.ledger.reservation import Exhausted, Held, Reservation
from tollway.match import Attribute, Match
from tollway.money import Money
from tollway.pricing.charge import Charge
from tollway.storage.counters import Counters

DAY = Fixed("day")
DAY_MS = 86_400_000
MIDNIGHT = 1_790_035_200_000
"""2026-09-22T00:00:00Z."""


def budget(identifier: str, limit: int, **more: Any) -> Budget:
    return Budget(id=identifier, name=identifier.upper(), limit=limit, window=more.pop("window", DAY), **more)


def facts(user: str = "alice", model: str = "openai/gpt-5", **more: str) -> dict[str, Attribute]:
    known = {"user": user, "model": model, "gateway": "default", **more}
    return {name: Attribute((value,), "key") for name, value in known.items()}


def past(at: int, amount: int, user: str = "alice", model: str = "openai/gpt-5", **more: Any) -> Past:
    return Past(at=at, amount=amount, who=user, model=model, **more)


def tell(replay: Replay, budgets: Sequence[Budget], *told: Past) -> list[bool]:
    return [replay.tell(one, claims(budgets, facts(one.who or "", one.model))) for one in told]


def replayed(budgets: Sequence[Budget], *told: Past, since: int = 0) -> tuple[Replay, list[bool]]:
    replay = Replay(budgets, Calendar(), since)
    return replay, tell(replay, budgets, *told)


def test_what_does_not_fit_is_blocked_and_not_spent() -> None:
    budgets = [budget("b", 100)]
    replay, admitted = replayed(
        budgets, past(MIDNIGHT, 60), past(MIDNIGHT + 1, 50), past(MIDNIGHT + 2, 40), past(MIDNIGHT + 3, 1)
    )
    assert admitted == [True, False, True, False]
    (tally,) = replay.tallies
    assert (tally.counted, tally.spent, replay.spent("b")) == (2, 100, 100)
    assert tally.blocked == Blocked(2, 51)
    assert tally.first_blocked_at == MIDNIGHT + 1
    assert replay.total.blocked == Blocked(2, 51)
    assert (replay.total.requests, replay.total.amount) == (4, 151)


def test_a_new_window_starts_anew() -> None:
    _, admitted = replayed(
        [budget("b", 100)], past(MIDNIGHT, 100), past(MIDNIGHT + DAY_MS - 1, 1), past(MIDNIGHT + DAY_MS, 100)
    )
    assert admitted == [True, False, True]


def test_a_rolling_window_gives_back_what_falls_out_of_it_and_not_before() -> None:
    rolling = [budget("b", 100, window=Rolling("day"))]
    # Buckets of five minutes: what is booked at MIDNIGHT counts until five minutes and a day later.
    last = MIDNIGHT + DAY_MS + 300_000 - 2
    _, admitted = replayed(
        rolling, past(MIDNIGHT, 60), past(MIDNIGHT + 300_000, 40), past(last, 1), past(last + 1, 60), past(last + 2, 1)
    )
    assert admitted == [True, True, False, True, False]


def test_each_account_of_a_split_budget_has_its_own_limit() -> None:
    split = [
        budget(
            "b",
            10,
            split_by=("user",),
            overrides=(Override((("user", "vip"),), 100), Override((("user", "boss"),), None)),
        )
    ]
    replay, admitted = replayed(
        split,
        past(MIDNIGHT, 10),
        past(MIDNIGHT, 10, "bob"),
        past(MIDNIGHT, 1, "bob"),
        past(MIDNIGHT, 100, "vip"),
        past(MIDNIGHT, 10**15, "boss"),
    )
    assert admitted == [True, True, False, True, True]
    (tally,) = replay.tallies
    assert tally.by_account == {"b[user=bob]": Blocked(1, 1)}
    assert tally.by_user == {"bob": Blocked(1, 1)}
    assert tally.peak is not None
    assert (tally.peak.account, tally.peak.spent, tally.peak.limit) == ("b[user=alice]", 10, 10)


def test_a_monitored_budget_says_what_it_would_refuse_and_counts_it_all_the_same() -> None:
    replay, admitted = replayed(
        [budget("b", 10, mode="monitor")], past(MIDNIGHT, 10), past(MIDNIGHT, 5), past(MIDNIGHT, 7)
    )
    assert admitted == [True, True, True]
    (tally,) = replay.tallies
    assert (tally.spent, tally.counted, tally.blocked) == (22, 3, Blocked(2, 12))
    assert tally.peak is not None
    assert (tally.peak.spent, tally.peak.limit) == (22, 10)
    assert replay.total.blocked == Blocked()


def test_a_request_that_two_budgets_refuse_counts_in_both_and_once_in_all() -> None:
    budgets = [budget("a", 10), budget("b", 5), budget("c", 100)]
    replay, admitted = replayed(budgets, past(MIDNIGHT, 11), past(MIDNIGHT, 7), past(MIDNIGHT, 5))
    assert admitted == [False, False, True]
    assert [tally.blocked.requests for tally in replay.tallies] == [1, 2, 0]
    assert [tally.spent for tally in replay.tallies] == [5, 5, 5]
    assert replay.total.blocked == Blocked(2, 18)


def test_what_came_before_fills_the_accounts_and_is_not_judged() -> None:
    budgets = [budget("b", 100, window=Total())]
    replay, admitted = replayed(budgets, past(MIDNIGHT - 1, 500), past(MIDNIGHT, 1), since=MIDNIGHT)
    assert admitted == [True, False]
    (tally,) = replay.tallies
    assert (tally.counted, tally.spent, replay.spent("b")) == (0, 0, 500)
    assert (replay.total.requests, replay.total.amount, tally.blocked) == (1, 1, Blocked(1, 1))


def test_what_the_day_before_left_is_carried_over_up_to_its_cap() -> None:
    budgets = [budget("b", 100, carry_over=30)]
    day_before = MIDNIGHT - DAY_MS
    left_much = replayed(budgets, past(day_before, 20), past(MIDNIGHT, 130), past(MIDNIGHT, 1))[1]
    left_little = replayed(budgets, past(day_before, 90), past(MIDNIGHT, 111), past(MIDNIGHT, 110))[1]
    long_ago = replayed(budgets, past(day_before - DAY_MS, 100), past(MIDNIGHT, 130), past(MIDNIGHT, 1))[1]
    assert (left_much, left_little, long_ago) == ([True, True, False], [True, False, True], [True, True, False])


def test_an_action_that_blocks_earlier_blocks_here_too() -> None:
    blocking = (Action(at=50, do="block", priority="standard"),)
    _, admitted = replayed([budget("b", 100, actions=blocking)], past(MIDNIGHT, 50), past(MIDNIGHT, 1))
    assert admitted == [True, False]


def test_actions_that_were_due_are_counted() -> None:
    actions = (Action(at=50, do="warn"), Action(at=80, do="slow", delay_ms=5), Action(at=80, do="downgrade", to="x/y"))
    replay, _ = replayed([budget("b", 100, actions=actions)], past(MIDNIGHT, 50), past(MIDNIGHT, 30), past(MIDNIGHT, 1))
    (tally,) = replay.tallies
    assert (tally.warned, tally.slowed, tally.downgraded) == (2, 1, Changed(1, unpriced=1))


def downgrading(at: int = 50, **more: Any) -> Budget:
    return budget("b", 1_000, actions=(Action(at=at, do="downgrade", to="openai/mini"),), **more)


def tell_with_prices(budgets: Sequence[Budget], *told: Past, mini: int | None) -> tuple[Replay, list[bool]]:
    """A request costs `mini` as the cheaper model serves it; `None` where nobody knows."""
    replay = Replay(budgets, Calendar(), 0)
    admitted: list[bool] = []
    for one in told:

        def instead(to: str, one: Past = one) -> tuple[Past, Sequence[Any]] | None:
            served = msgspec.structs.replace(one, model=to, amount=mini or 0, output_tokens=0, output_amount=0)
            return None if mini is None else (served, claims(budgets, facts(one.who or "", to)))

        admitted.append(replay.tell(one, claims(budgets, facts(one.who or "", one.model)), instead))
    return replay, admitted


def test_a_cheaper_model_serves_once_so_much_is_spent_and_its_price_counts() -> None:
    replay, admitted = tell_with_prices([downgrading()], *(past(MIDNIGHT, 300) for _ in range(4)), mini=20)
    assert admitted == [True] * 4
    (tally,) = replay.tallies
    assert tally.downgraded == Changed(2, 600, 40)
    assert (tally.spent, tally.counted, tally.blocked) == (640, 4, Blocked())
    assert replay.total.amount == 1_200, "what was spent is told as it was"


def test_a_request_that_would_be_refused_is_served_by_the_cheaper_model_where_that_fits() -> None:
    replay, admitted = tell_with_prices([downgrading(100)], past(MIDNIGHT, 900), past(MIDNIGHT, 300), mini=90)
    assert admitted == [True, True]
    (tally,) = replay.tallies
    assert (tally.downgraded, tally.spent) == (Changed(1, 300, 90), 990)
    replay, admitted = tell_with_prices([downgrading(100)], past(MIDNIGHT, 900), past(MIDNIGHT, 300), mini=101)
    assert admitted == [True, False]
    (tally,) = replay.tallies
    assert (tally.downgraded, tally.blocked) == (Changed(), Blocked(1, 300))


def test_a_cheaper_model_of_unknown_price_is_said_to_be_unknown_and_never_free() -> None:
    replay, admitted = tell_with_prices([downgrading()], *(past(MIDNIGHT, 300) for _ in range(4)), mini=None)
    assert admitted == [True, True, True, False]
    (tally,) = replay.tallies
    assert (tally.downgraded, tally.spent) == (Changed(1, unpriced=1), 900)


def test_what_the_cheaper_model_costs_counts_where_that_model_is_counted() -> None:
    minis = budget("minis", 1_000, where=(Match("model", ("openai/mini",)),))
    replay, _ = tell_with_prices([downgrading(), minis], past(MIDNIGHT, 500), past(MIDNIGHT, 300), mini=20)
    assert [tally.spent for tally in replay.tallies] == [520, 20]


def test_two_models_that_are_each_others_cheaper_one_are_tried_once() -> None:
    to_and_fro = budget(
        "b",
        1_000,
        actions=(Action(at=1, do="downgrade", to="openai/mini"), Action(at=1, do="downgrade", to="openai/gpt-5")),
    )
    replay, admitted = tell_with_prices([to_and_fro], past(MIDNIGHT, 500), past(MIDNIGHT, 100), mini=20)
    assert admitted == [True, True]
    assert replay.tallies[0].downgraded.requests == 1


def test_an_answer_is_shortened_to_what_is_left_where_that_is_still_worth_it() -> None:
    # 100 for the prompt, and 1 a token.
    long = past(MIDNIGHT, 1_100, output_tokens=1_000, output_amount=1_000)
    for spent, admitted, clamped in ((344, True, Changed(1, 1_100, 656)), (645, False, Changed()), (0, True, None)):
        replay, said = replayed([budget("b", 1_000 if spent else 1_100)], past(MIDNIGHT, spent), long)
        (tally,) = replay.tallies
        assert said == [True, admitted], spent
        assert tally.clamped == (clamped or Changed()), spent
        assert tally.blocked.requests == (not admitted)
        assert replay.spent("b") == (spent if not admitted else 1_000 if spent else 1_100)


def test_nothing_is_shortened_where_the_budget_holds_nothing_or_only_watches() -> None:
    long = past(MIDNIGHT, 1_100, output_tokens=1_000, output_amount=1_000)
    settled, said = replayed([budget("b", 1_000, guarantee="settled")], past(MIDNIGHT, 1_000), long)
    assert said == [True, False]
    assert settled.tallies[0].clamped == Changed()
    watching, said = replayed([budget("b", 1_000, mode="monitor")], long)
    assert said == [True]
    assert (watching.tallies[0].clamped, watching.tallies[0].blocked) == (Changed(), Blocked(1, 1_100))


def test_what_has_no_price_is_refused_only_where_the_budget_refuses_it() -> None:
    unknown = past(MIDNIGHT, 0, priced=False)
    for enforced, mode, admitted in (
        ("block", "enforce", False),
        ("count", "enforce", True),
        ("block", "monitor", True),
    ):
        replay, said = replayed([budget("b", 100, on_unpriced=enforced, mode=mode)], unknown)
        (tally,) = replay.tallies
        assert said == [admitted], (enforced, mode)
        assert tally.unpriced == (1 if admitted else 0)
        assert tally.blocked == (Blocked() if admitted else Blocked(1, 0, 1))
        assert replay.total.unpriced == 1


def test_what_is_free_passes_a_spent_budget_of_any_guarantee() -> None:
    for guarantee in ("hard", "expected", "settled"):
        _, admitted = replayed(
            [budget("b", 10, guarantee=guarantee)], past(MIDNIGHT, 10), past(MIDNIGHT, 0), past(MIDNIGHT, 1)
        )
        assert admitted == [True, True, False]


def test_a_settled_budget_admits_the_request_that_passes_its_limit() -> None:
    _, admitted = replayed(
        [budget("b", 10, guarantee="settled")], past(MIDNIGHT, 9), past(MIDNIGHT, 50), past(MIDNIGHT, 1)
    )
    assert admitted == [True, True, False]


def test_an_amount_that_was_booked_by_hand_is_booked_and_never_judged() -> None:
    replay, admitted = replayed(
        [budget("b", 10)], past(MIDNIGHT, 10), past(MIDNIGHT, -4, judged=False), past(MIDNIGHT, 4)
    )
    assert admitted == [True, True, True]
    (tally,) = replay.tallies
    assert (tally.counted, tally.spent, replay.total.amount, replay.total.requests) == (2, 10, 10, 2)


def test_a_group_that_has_two_accounts_is_blocked_once() -> None:
    split = [budget("b", 10, split_by=("group",))]
    of_two = {"group": Attribute(("a", "b"), "key")}
    replay = Replay(split, Calendar(), 0)
    assert not replay.tell(past(MIDNIGHT, 11), claims(split, of_two))
    (tally,) = replay.tallies
    assert tally.blocked == Blocked(1, 11)
    assert set(tally.by_account) == {"b[group=a]", "b[group=b]"}


def test_a_limit_of_nothing_has_a_peak_only_of_what_was_spent() -> None:
    replay, _ = replayed([budget("b", 0, mode="monitor")], past(MIDNIGHT, 3), past(MIDNIGHT, 5))
    (tally,) = replay.tallies
    assert tally.peak is not None
    assert (tally.peak.spent, tally.peak.limit) == (8, 0)


def test_requests_are_told_in_their_order() -> None:
    replay, _ = replayed([budget("b", 10)], past(MIDNIGHT, 1))
    with pytest.raises(AssertionError, match="order"):
        tell(replay, [budget("b", 10)], past(MIDNIGHT - 1, 1))


# The counters that refuse, and a replay of what was asked of them, must say the same.

USERS = ("alice", "bob")
MODELS = ("openai/gpt-5", "anthropic/claude")
WINDOWS = (DAY, Fixed("hour"), Fixed("week"), Rolling("day"), Total())

budgets_strategy = st.lists(
    st.builds(
        dict,
        limit=st.integers(0, 60),
        window=st.sampled_from(WINDOWS),
        mode=st.sampled_from(("enforce", "monitor")),
        guarantee=st.sampled_from(("hard", "settled")),
        split_by=st.sampled_from(((), ("user",), ("user", "model"))),
        where=st.sampled_from(((), (Match("model", ("openai/*",)),), (Match("user", ("bob",), negated=True),))),
        carry_over=st.sampled_from((0, 7)),
        actions=st.sampled_from(((), (Action(at=50, do="block"),))),
    ),
    min_size=1,
    max_size=4,
).map(lambda written: [budget(f"b{number}", **fields) for number, fields in enumerate(written)])
asked_strategy = st.lists(
    st.tuples(st.integers(0, 20 * 3_600_000), st.integers(0, 30), st.sampled_from(USERS), st.sampled_from(MODELS)),
    max_size=25,
)


class NoPast:
    def ended(self, reservation_id: str) -> None:
        return None

    def has_entry(self, entry_id: str) -> bool:
        return False

    def spent(self, account: str) -> dict[int, int]:
        return {}


def carried_out(
    budgets: Sequence[Budget], asked: Sequence[tuple[int, int, str, str]]
) -> tuple[list[Past], list[Held | Exhausted], list[LedgerEntry]]:
    """The same requests, one after the other, on the counters of the store: each is held at what it costs and settled."""
    calendar, counters = Calendar(), Counters(NoPast())
    now, told, said, entries = MIDNIGHT, list[Past](), list[Held | Exhausted](), list[LedgerEntry]()
    for number, (later, amount, user, model) in enumerate(asked):
        now += later
        placed = holds(claims(budgets, facts(user, model)), amount, now, calendar)
        made = Reservation(f"r{number}.1", f"r{number}", 1, placed, now, now + 1, amount)
        verdict = counters.place(made)
        told.append(past(now, amount, user, model))
        said.append(verdict)
        if isinstance(verdict, Held):
            entry = LedgerEntry(
                id=entry_id(f"r{number}", 1, "charge"),
                reservation_id=made.id,
                request_id=made.request_id,
                attempt=1,
                kind="charge",
                charge=Charge(Money(amount)),
                legs=tuple((hold.account, hold.bucket) for hold in placed),
                context=Context(gateway="default", provider="", model=""),
                occurred_at=now,
                recorded_at=now,
            )
            counters.settle(entry)
            entries.append(entry)
    return told, said, entries


@settings(max_examples=150, deadline=None)
@given(budgets_strategy, asked_strategy)
def test_a_replay_says_of_the_very_traffic_what_the_counters_said(
    budgets: list[Budget], asked: list[tuple[int, int, str, str]]
) -> None:
    told, said, entries = carried_out(budgets, asked)
    replay, admitted = replayed(budgets, *told)
    assert admitted == [isinstance(verdict, Held) for verdict in said]
    refusing = [0] * len(budgets)
    for one, verdict in zip(told, said, strict=True):
        if isinstance(verdict, Held):
            owners = [
                claim.budget.id for claim in claims(budgets, facts(one.who or "", one.model)) for _ in claim.accounts
            ]
            for index in verdict.would_refuse:
                refusing[int(owners[index][1:])] += 1
    for tally, would_refuse in zip(replay.tallies, refusing, strict=True):
        if tally.budget.mode == "monitor" and replay.total.blocked.requests == 0:
            assert tally.blocked.requests == would_refuse
    # What was spent on each budget is what the ledger says.
    spent: dict[str, int] = {}
    for (account, _), amount in journal.fold(entries).items():
        spent[account.partition("[")[0]] = spent.get(account.partition("[")[0], 0) + amount
    assert {tally.budget.id: tally.spent for tally in replay.tallies if tally.spent} == {
        n: a for n, a in spent.items() if a
    }


@settings(max_examples=100, deadline=None)
@given(budgets_strategy, asked_strategy)
def test_a_replay_of_what_was_admitted_blocks_nothing_and_adds_up_to_the_ledger(
    budgets: list[Budget], asked: list[tuple[int, int, str, str]]
) -> None:
    told, said, entries = carried_out(budgets, asked)
    replay, admitted = replayed(
        budgets, *(one for one, verdict in zip(told, said, strict=True) if isinstance(verdict, Held))
    )
    assert all(admitted)
    assert replay.total.blocked == Blocked()
    assert replay.total.amount == sum(entry.charge.amount for entry in entries)


@settings(max_examples=100, deadline=None)
@given(budgets_strategy, asked_strategy)
def test_budgets_that_never_refuse_block_nothing(budgets: list[Budget], asked: list[tuple[int, int, str, str]]) -> None:
    generous = [msgspec.structs.replace(one, limit=UNLIMITED - 10**6, actions=(), carry_over=0) for one in budgets]
    told, _, entries = carried_out(generous, asked)
    replay, admitted = replayed(generous, *told)
    assert all(admitted)
    assert all(tally.blocked == Blocked() for tally in replay.tallies)
    assert replay.total.amount == sum(amount for _, amount, _, _ in asked) == sum(e.charge.amount for e in entries)
