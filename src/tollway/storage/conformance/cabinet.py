"""The cabinet: what is kept is found until it expires, and what is taken is taken once."""

import asyncio

from tollway.storage.conformance.values import NOW, Check
from tollway.storage.protocol import Kept, Store


def kept(
    identity: str, record: bytes = b"1", at: int = NOW, expires_at: int | None = None, drawer: str = "key"
) -> Kept:
    """A thing in the drawer "key"."""
    return Kept(drawer=drawer, id=identity, record=record, at=at, expires_at=expires_at)


async def what_is_kept_takes_the_place_of_what_was(store: Store) -> None:
    b, a, other = kept("b"), kept("a", b"\x00{}", expires_at=NOW + 9), kept("a", b"x", drawer="grant")
    await store.cabinet.put(b, a, other)
    await store.cabinet.put()
    assert list(await store.cabinet.all("key", NOW)) == [a, b]
    assert await store.cabinet.get("grant", "a", NOW) == other
    later = kept("a", b"2", NOW + 1)
    await store.cabinet.put(later)
    assert await store.cabinet.get("key", "a", NOW) == later
    assert await store.cabinet.get("key", "c", NOW) is None
    assert list(await store.cabinet.all("none", NOW)) == []


async def what_has_expired_is_not_there_and_is_swept(store: Store) -> None:
    await store.cabinet.put(kept("a", expires_at=NOW + 1), kept("b", expires_at=NOW + 2), kept("c"))
    assert [each.id for each in await store.cabinet.all("key", NOW + 1)] == ["b", "c"]
    assert await store.cabinet.get("key", "a", NOW + 1) is None
    assert await store.cabinet.take("key", "b", NOW + 2) is None
    assert await store.cabinet.sweep(NOW + 1) == 1
    assert await store.cabinet.sweep(NOW + 1_000) == 0
    assert [each.id for each in await store.cabinet.all("key", NOW)] == ["c"]


async def of_many_who_take_a_thing_one_gets_it(store: Store) -> None:
    await store.cabinet.put(kept("a"))
    found = await asyncio.gather(*(store.cabinet.take("key", "a", NOW) for _ in range(5)))
    assert [each for each in found if each is not None] == [kept("a")]
    assert await store.cabinet.get("key", "a", NOW) is None


async def of_many_who_swap_a_thing_one_does(store: Store) -> None:
    assert await store.cabinet.swap(kept("a", b"1"), None)
    assert not await store.cabinet.swap(kept("a", b"2"), None)
    done = await asyncio.gather(*(store.cabinet.swap(kept("a", b"by %d" % n), b"1") for n in range(5)))
    assert sorted(done) == [False] * 4 + [True]
    assert await store.cabinet.get("key", "a", NOW) == kept("a", b"by %d" % done.index(True))
    await store.cabinet.put(kept("b", expires_at=NOW))
    assert await store.cabinet.swap(kept("b", b"2"), None)


CHECKS: tuple[Check, ...] = (
    what_is_kept_takes_the_place_of_what_was,
    what_has_expired_is_not_there_and_is_swept,
    of_many_who_take_a_thing_one_gets_it,
    of_many_who_swap_a_thing_one_does,
)
