"""What is remembered beside money: who changed what, alerts and their deliveries, and budgets."""

import msgspec

from tollway.alerts import Delivery, Event, Snooze
from tollway.ledger.change import Change
from tollway.storage.conformance.values import NOW, Check
from tollway.storage.protocol import Known, Store


def change(action: str, target: str, at: int = NOW, **fields: str) -> Change:
    """A change by alice."""
    return msgspec.structs.replace(Change(at=at, by="alice", action=action, target=target), **fields)


def event(identity: str, key: str, at: int = NOW, **fields: object) -> Event:
    """An event for two channels, unless `fields` say otherwise."""
    made = Event(
        id=identity, key=key, kind="spent", at=at, title="80 %", text="…", budget="ml", channels=("slack", "mail")
    )
    return msgspec.structs.replace(made, **fields)


async def changes_are_chained_and_read_newest_first(store: Store) -> None:
    one = change("budget.changed", "ml", before='{"limit": "1"}', after='{"limit": "2"}', reason='"quoted", ünïcode')
    two = change("budget.deleted", "ops")
    three = change("budgets.listed", "ml", NOW + 1)
    await store.audit.append(one, two)
    await store.audit.append(three)
    await store.audit.append()
    lines = list(await store.audit.changes(limit=9))
    assert [(line.seq, line.change) for line in lines] == [(3, three), (2, two), (1, one)]
    assert [line.previous for line in lines] == [lines[1].hash, lines[2].hash, ""]
    assert all(len(line.hash) == 64 for line in lines) and len({line.hash for line in lines}) == 3
    assert [line.seq for line in await store.audit.changes(target="ml", limit=9)] == [3, 1]
    assert [line.seq for line in await store.audit.changes(action="budget", limit=9)] == [2, 1]
    assert [line.seq for line in await store.audit.changes(action="budget.changed", limit=9)] == [1]
    assert [line.seq for line in await store.audit.changes(limit=1, before=3)] == [2]
    assert list(await store.audit.verify()) == []
    assert await store.audit.hashes({1, 3, 9}) == {1: lines[2].hash, 3: lines[0].hash}
    assert await store.audit.hashes(()) == {}


async def an_event_is_raised_once_by_its_key(store: Store) -> None:
    first, second = event("e1", "ml/80"), event("e2", "ml/90", NOW + 5, budget=None, channels=())
    assert list(await store.outbox.raise_(first, second)) == [first, second]
    assert list(await store.outbox.raise_(event("e3", "ml/80"), event("e4", "ml/100"))) == [event("e4", "ml/100")]
    assert list(await store.outbox.raise_(event("e5", "x"), event("e6", "x"))) == [event("e5", "x")]
    assert list(await store.outbox.raise_()) == []
    assert [each.id for each in await store.outbox.events(limit=9)] == ["e5", "e4", "e2", "e1"]
    assert [each.id for each in await store.outbox.events(limit=1, before="e4")] == ["e2"]
    assert [each.id for each in await store.outbox.events(limit=9, budget="ml")] == ["e5", "e4", "e1"]
    assert [each.channel for each in await store.outbox.deliveries("e1")] == ["mail", "slack"]
    assert list(await store.outbox.deliveries("e3")) == []
    several = await store.outbox.deliveries("e4", "e1", "e2")
    assert [(each.event.id, each.channel) for each in several] == [
        (e, c) for e in ("e1", "e4") for c in ("mail", "slack")
    ]
    assert list(await store.outbox.deliveries()) == []


async def a_delivery_is_due_until_it_has_arrived_or_is_given_up(store: Store) -> None:
    later, first = event("e1", "a", NOW + 5, channels=("mail",)), event("e2", "b")
    await store.outbox.raise_(later, first)
    assert list(await store.outbox.due(NOW - 1, 9)) == []
    mail, slack = await store.outbox.due(NOW, 9)
    assert (mail, slack) == tuple(Delivery(event=first, channel=name, due_at=NOW) for name in ("mail", "slack"))
    assert list(await store.outbox.due(NOW + 5, 1)) == [mail]
    failed = msgspec.structs.replace(mail, attempts=1, due_at=NOW + 100, error="503")
    await store.outbox.tried(failed)
    await store.outbox.tried(msgspec.structs.replace(slack, attempts=1, arrived_at=NOW + 1))
    assert [each.event.id for each in await store.outbox.due(NOW + 99, 9)] == ["e1"]
    assert [each.event.id for each in await store.outbox.due(NOW + 100, 9)] == ["e1", "e2"]
    given_up = msgspec.structs.replace(failed, attempts=9, given_up=True)
    await store.outbox.tried(given_up)
    assert [each.event.id for each in await store.outbox.due(NOW + 999, 9)] == ["e1"]
    assert list(await store.outbox.deliveries("e2")) == [
        given_up,
        msgspec.structs.replace(slack, attempts=1, arrived_at=NOW + 1),
    ]


async def a_snooze_takes_the_place_of_an_older_one_and_ends_by_itself(store: Store) -> None:
    await store.outbox.snooze(Snooze(target="ml", until=NOW + 10, by="alice"))
    await store.outbox.snooze(Snooze(target="*", until=NOW + 5, by="alice"))
    assert [each.target for each in await store.outbox.snoozes(NOW)] == ["*", "ml"]
    shorter = Snooze(target="ml", until=NOW + 6, by="bob")
    await store.outbox.snooze(shorter)
    assert list(await store.outbox.snoozes(NOW + 5)) == [shorter]
    assert list(await store.outbox.snoozes(NOW + 6)) == []


async def what_is_known_of_a_budget_is_the_last_that_was_remembered(store: Store) -> None:
    assert list(await store.budgets.known()) == []
    ml, ops = Known(budget="ml", fingerprint="1", since=NOW), Known(budget="ops", fingerprint="2", since=NOW)
    await store.budgets.remember(ops, ml)
    assert list(await store.budgets.known()) == [ml, ops]
    changed = Known(budget="ml", fingerprint="3", since=NOW + 1, settled=True)
    await store.budgets.remember(changed)
    assert list(await store.budgets.known()) == [changed, ops]


CHECKS: tuple[Check, ...] = (
    changes_are_chained_and_read_newest_first,
    an_event_is_raised_once_by_its_key,
    a_delivery_is_due_until_it_has_arrived_or_is_given_up,
    a_snooze_takes_the_place_of_an_older_one_and_ends_by_itself,
    what_is_known_of_a_budget_is_the_last_that_was_remembered,
)
