"""The table of states, and the two questions that decide over every dollar: does it fit, and may it come back?"""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.ledger.reservation import (
    MOVES,
    Balance,
    Exhausted,
    Gone,
    Held,
    Hold,
    Reservation,
    State,
    contended,
    fits,
    metered,
    resized,
    wanted,
)
from tollway.money import LARGEST

AMOUNTS = st.integers(0, LARGEST)
# Corrections and credits may take an account below zero.
SPENT = st.integers(-LARGEST, LARGEST)


def hold(amount: int, limit: int = 100, *, spent_only: bool = False, **more: Any) -> Hold:
    return Hold("account", 0, 0, amount, limit, spent_only=spent_only, **more)


def test_every_state_has_its_row_and_leads_to_states_only() -> None:
    states = set(get_args(State))
    assert set(MOVES) == states
    assert set().union(*MOVES.values()) <= states


@pytest.mark.parametrize("state", ["settled", "released"])
def test_there_is_no_way_out_of_an_end(state: State) -> None:
    assert MOVES[state] == frozenset()


def test_nothing_leads_back_to_held_and_no_state_to_itself() -> None:
    for state, moves in MOVES.items():
        assert "held" not in moves
        assert state not in moves


def test_what_is_presumed_spent_may_be_corrected_and_never_given_back() -> None:
    assert MOVES["presumed"] == {"settled"}


def test_every_way_through_the_table_ends_after_two_moves_at_most() -> None:
    def longest(state: State) -> int:
        return max((1 + longest(following) for following in MOVES[state]), default=0)

    assert {state: longest(state) for state in MOVES} == {"held": 2, "presumed": 1, "settled": 0, "released": 0}


@pytest.mark.parametrize(
    ("amount", "spent", "held", "it_fits"),
    [
        (100, 0, 0, True),
        (101, 0, 0, False),
        (1, 99, 0, True),
        (1, 100, 0, False),
        (1, 0, 99, True),
        (1, 0, 100, False),
        (10, 50, 40, True),
        (11, 50, 40, False),
        (1, -50, 149, True),
        (1, -50, 150, False),
        # A free request passes a budget that is spent, overspent, or held by others.
        (0, 100, 0, True),
        (0, 200, 0, True),
        (0, 0, 200, True),
    ],
)
def test_a_bounded_hold_fits_up_to_the_limit_and_no_nanodollar_further(
    amount: int, spent: int, held: int, it_fits: bool
) -> None:
    assert fits(hold(amount), spent, held) is it_fits


@pytest.mark.parametrize(
    ("amount", "spent", "held", "it_fits"),
    [
        (0, 0, 0, True),
        (0, 99, 0, True),
        (0, 100, 0, False),
        (0, 101, 0, False),
        # What others hold, and what this request may cost, do not matter to it.
        (0, 99, 10_000, True),
        (10_000, 99, 0, True),
    ],
)
def test_a_hold_that_checks_recorded_spend_only_refuses_once_the_limit_is_reached(
    amount: int, spent: int, held: int, it_fits: bool
) -> None:
    assert fits(hold(amount, spent_only=True), spent, held) is it_fits


@pytest.mark.parametrize("spent_only", [False, True])
def test_a_limit_of_nothing_lets_only_what_is_free_pass(spent_only: bool) -> None:
    assert not fits(hold(1, 0, spent_only=spent_only), 0, 0)
    assert fits(hold(0, 0), 0, 0)
    # With this guarantee a request that is free is told apart before: its hold is not `spent_only`.
    assert not fits(hold(0, 0, spent_only=True), 0, 0)


@pytest.mark.parametrize(
    ("amount", "spent", "may_come_back"),
    [(10, 90, True), (10, 91, False), (100, 0, True), (101, 0, False), (0, 100, True), (0, 101, False), (50, -1, True)],
)
def test_money_is_contended_if_the_hold_would_fit_beside_what_is_spent_alone(
    amount: int, spent: int, may_come_back: bool
) -> None:
    assert contended(hold(amount), spent) is may_come_back


@pytest.mark.parametrize("spent", [0, 99, 100, 101])
def test_recorded_spend_never_comes_back_so_waiting_for_it_is_no_use(spent: int) -> None:
    assert not contended(hold(0, spent_only=True), spent)


@given(AMOUNTS, AMOUNTS, SPENT, AMOUNTS)
def test_what_fits_leaves_the_limit_whole_unless_it_is_free(amount: int, limit: int, spent: int, held: int) -> None:
    if fits(hold(amount, limit), spent, held):
        assert amount == 0 or Balance("account", spent, held + amount, limit).available >= 0


@given(AMOUNTS, AMOUNTS, SPENT, AMOUNTS, st.booleans())
def test_what_fits_fits_as_well_where_less_is_held_or_spent_or_asked(
    amount: int, limit: int, spent: int, held: int, spent_only: bool
) -> None:
    if fits(hold(amount, limit, spent_only=spent_only), spent, held):
        assert fits(hold(amount, limit, spent_only=spent_only), spent, 0)
        assert fits(hold(amount, limit, spent_only=spent_only), spent - 1, held)
        assert fits(hold(amount // 2, limit, spent_only=spent_only), spent, held)


@given(st.integers(1, LARGEST), AMOUNTS, SPENT, AMOUNTS)
def test_a_refused_hold_is_contended_exactly_if_it_would_fit_with_nothing_held(
    amount: int, limit: int, spent: int, held: int
) -> None:
    placed = hold(amount, limit)
    if not fits(placed, spent, held):
        assert contended(placed, spent) is fits(placed, spent, 0)


def test_a_balance_may_be_overspent_for_settlement_never_refuses() -> None:
    assert Balance("account", spent=70, held=20, limit=100).available == 10
    assert Balance("account", spent=130, held=20, limit=100).available == -50
    assert Balance("account", spent=-5, held=0, limit=100).available == 105


def test_a_hold_refuses_and_bounds_unless_it_says_otherwise() -> None:
    plain = hold(1)
    assert (plain.enforced, plain.spent_only, plain.until) == (True, False, None)


@pytest.mark.parametrize(
    "value",
    [
        Reservation("r.1", "r", 1, (hold(5, until=9), hold(0, spent_only=True)), 1, 2, 5, b"\x00\xff"),
        Held((Balance("account", 1, 2, 3),), (0,)),
        Exhausted(1, Balance("account", 1, 2, 3), True),
        Gone("presumed"),
    ],
)
def test_what_is_stored_comes_back_the_same(value: msgspec.Struct) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=type(value)) == value


def test_a_reservation_cannot_be_changed_once_it_is_made() -> None:
    made = Reservation("r.1", "r", 1, (hold(5),), 1, 2, 5)
    with pytest.raises(AttributeError):
        made.bound = 0  # type: ignore[misc]
    with pytest.raises(AttributeError):
        made.holds[0].amount = 0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("amount", "likely", "metered_hold", "more"),
    [(10, 30, True, 20), (30, 30, True, 0), (40, 30, True, 0), (10, 30, False, 0), (0, 0, True, 0)],
)
def test_a_metered_hold_wants_what_is_likely_and_not_held(
    amount: int, likely: int, metered_hold: bool, more: int
) -> None:
    assert wanted(hold(amount, metered=metered_hold), likely) == more


@pytest.mark.parametrize(
    ("amount", "amounts", "bound"),
    [
        (50, (50, 99, 50), 50),
        (21, (21, 99, 21), 21),
        # Not more than the largest: nothing is raised, only what is larger is lowered.
        (20, (20, 99, 10), 77),
        (15, (15, 99, 10), 15),
        (5, (5, 99, 5), 5),
        (-1, (0, 99, 0), 0),
    ],
)
def test_resizing_moves_the_metered_holds_and_the_bound_and_nothing_else(
    amount: int, amounts: tuple[int, ...], bound: int
) -> None:
    holds = (hold(20, metered=True), hold(99), hold(10, metered=True))
    made = Reservation("r.1", "r", 1, holds, 1, 2, 77, b"x", 30, 10)
    after = resized(made, amount)
    assert tuple(each.amount for each in after.holds) == amounts
    assert after.bound == bound
    assert msgspec.structs.replace(after, holds=holds, bound=77) == made
    assert (after is made) is (amount == metered(made) == 20)


def test_a_reservation_without_metered_holds_cannot_be_resized() -> None:
    made = Reservation("r.1", "r", 1, (hold(20),), 1, 2, 77)
    assert resized(made, 5) is made
    assert metered(made) == 0


@given(AMOUNTS, AMOUNTS, SPENT, AMOUNTS, st.booleans())
def test_the_limit_in_force_decides_in_the_place_of_the_holds_own(
    amount: int, limit: int, spent: int, held: int, spent_only: bool
) -> None:
    own, other = hold(amount, limit, spent_only=spent_only), hold(amount, 5, spent_only=spent_only)
    assert fits(own, spent, held) is fits(other, spent, held, limit)
    assert contended(own, spent) is contended(other, spent, limit)
