"""Lapsing, correcting, crediting: what happens to a reservation after its time."""

from tollway.ledger.reservation import Gone
from tollway.storage.conformance.values import (
    CONTEXT,
    NOW,
    Check,
    assert_sound,
    at,
    entry,
    held,
    hold,
    reservation,
    written,
)
from tollway.storage.protocol import Store


async def what_lapses_is_presumed_spent(store: Store) -> None:
    made = reservation("r", hold("a", 10), hold("b", 0, spent_only=True), deadline=NOW + 5)
    await store.ledger.reserve(made, NOW)
    assert store.ledger.sweep(NOW + 4) == []
    (presumed,) = store.ledger.sweep(NOW + 5)
    assert (presumed.kind, presumed.charge.amount, presumed.charge.basis) == ("presumed", 10, "presumed")
    assert presumed.context == CONTEXT
    assert sum(line.amount for line in presumed.charge.lines) == 10
    assert (at(store, "a"), at(store, "b")) == ((10, 0), (10, 0))
    assert store.ledger.sweep(NOW + 5) == []
    assert await store.ledger.reserve(made, NOW) == Gone("presumed")
    assert not store.ledger.release(made.id, "late", NOW)
    assert await written(store) == [presumed]
    await assert_sound(store)


async def a_late_settlement_corrects_what_was_presumed(store: Store) -> None:
    made = await held(store, "r", hold())
    store.ledger.sweep(made.deadline)
    assert store.ledger.settle(entry(made, 4))
    assert not store.ledger.settle(entry(made, 4))
    assert at(store) == (4, 0)
    corrected, presumed = await written(store)
    assert (presumed.charge.amount, corrected.charge.amount, corrected.kind) == (10, -6, "correction")
    assert sum(line.amount for line in corrected.charge.lines) == -6
    await assert_sound(store)


async def an_unpriced_late_settlement_leaves_the_presumption(store: Store) -> None:
    made = await held(store, "r", hold())
    store.ledger.sweep(made.deadline)
    assert store.ledger.settle(entry(made, 0, "unpriced"))
    assert at(store) == (10, 0)
    await assert_sound(store)


async def a_settlement_may_presume_and_be_corrected(store: Store) -> None:
    made = await held(store, "r", hold())
    assert store.ledger.settle(entry(made, 10, "presumed"))
    assert not store.ledger.settle(entry(made, 10, "presumed"))
    assert store.ledger.settle(entry(made, 25))
    assert at(store) == (25, 0)
    await assert_sound(store)


async def corrections_and_credits_are_booked_once_each(store: Store) -> None:
    made = await held(store, "r", hold())
    store.ledger.settle(entry(made, 40))
    assert store.ledger.settle(entry(made, -5, "correction"))
    assert not store.ledger.settle(entry(made, -5, "correction"))
    assert store.ledger.settle(entry(made, -10, "correction", 2))
    assert store.ledger.settle(entry(made, -20, "credit"))
    assert at(store) == (5, 0)
    await store.ledger.flush()
    assert not store.ledger.settle(entry(made, -20, "credit"))
    await assert_sound(store)


async def a_settlement_of_an_unknown_reservation_is_booked(store: Store) -> None:
    unknown = reservation("r", hold())
    assert store.ledger.settle(entry(unknown, 4))
    assert not store.ledger.settle(entry(unknown, 4))
    assert at(store) == (4, 0)
    await assert_sound(store)


CHECKS: tuple[Check, ...] = (
    what_lapses_is_presumed_spent,
    a_late_settlement_corrects_what_was_presumed,
    an_unpriced_late_settlement_leaves_the_presumption,
    a_settlement_may_presume_and_be_corrected,
    corrections_and_credits_are_booked_once_each,
    a_settlement_of_an_unknown_reservation_is_booked,
)
