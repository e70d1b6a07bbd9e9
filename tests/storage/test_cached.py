"""Kept answers in memory."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tollway.cache.entry import Kept
from tollway.storage.cached import OVERHEAD, MemoryAnswers, Purge, Recent, weight


def kept(body: bytes = b"{}", **fields: object) -> Kept:
    found = Kept(status=200, headers=(), body=body, gateway="default", provider="openai", made_at=0, expires_at=1_000)
    return msgspec.structs.replace(found, **fields)


async def test_an_answer_is_found_until_it_expires() -> None:
    answers = MemoryAnswers(10_000)
    await answers.put(b"k", kept(), 0)
    assert await answers.get(b"k", gateway="default", now=999) == kept()
    assert await answers.get(b"k", gateway="default", now=1_000) is None
    assert (await answers.stats()).entries == 0
    await answers.put(b"k", kept(), 1_000)
    assert (await answers.stats()).entries == 0


async def test_hits_and_misses_and_what_they_saved_are_counted_by_gateway() -> None:
    answers = MemoryAnswers(10_000)
    await answers.put(b"a", kept(cost_nanodollars=70), 0)
    await answers.put(b"b", kept(cost_nanodollars=None, gateway="other"), 0)
    for key, gateway in ((b"a", "default"), (b"a", "default"), (b"b", "other"), (b"c", "other")):
        await answers.get(key, gateway=gateway, now=1)
    found = await answers.stats()
    default, other = found.gateways["default"], found.gateways["other"]
    assert (default.entries, default.bytes, default.hits, default.misses) == (1, OVERHEAD + 2, 2, 0)
    assert (default.saved_nanodollars, default.unpriced_hits) == (140, 0)
    assert (other.hits, other.misses, other.saved_nanodollars, other.unpriced_hits) == (1, 1, 0, 1)
    assert (found.entries, found.bytes, found.limit_bytes) == (2, 2 * (OVERHEAD + 2), 10_000)


async def test_those_that_were_used_longest_ago_give_way() -> None:
    answers = MemoryAnswers(2 * (OVERHEAD + 10))
    for key in (b"a", b"b"):
        await answers.put(key, kept(b"0123456789"), 0)
    await answers.get(b"a", gateway="default", now=1)
    await answers.put(b"c", kept(b"0123456789"), 2)
    assert [await answers.get(key, gateway="default", now=3) is not None for key in (b"a", b"b", b"c")] == [
        True,
        False,
        True,
    ]
    assert (await answers.stats()).evicted == 1


async def test_what_is_larger_than_all_there_is_room_for_takes_nobodys_place() -> None:
    answers = MemoryAnswers(1_000)
    await answers.put(b"a", kept(), 0)
    await answers.put(b"b", kept(b"x" * 1_000), 0)
    assert await answers.get(b"a", gateway="default", now=1) is not None
    assert await answers.get(b"b", gateway="default", now=1) is None


async def test_answers_are_purged_by_gateway_provider_and_name_or_all_of_them() -> None:
    answers = MemoryAnswers(100_000)

    async def fill() -> None:
        await answers.put(b"a", kept(), 0)
        await answers.put(b"b", kept(gateway="other"), 0)
        await answers.put(b"c", kept(provider="anthropic"), 0)
        await answers.put(b"d", kept(custom="mine"), 0)

    for purge, gone in (
        (Purge(), 4),
        (Purge(gateway="default"), 3),
        (Purge(provider="anthropic"), 1),
        (Purge(key="mine"), 1),
        (Purge(gateway="other", provider="anthropic"), 0),
    ):
        await fill()
        assert await answers.purge(purge) == gone
        assert (await answers.stats()).entries == 4 - gone
    await answers.close()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3_000))), st.integers(0, 6_000))
def test_what_is_kept_never_weighs_more_than_the_limit(puts: list[tuple[int, int]], limit: int) -> None:
    recent = Recent(limit)
    for key, size in puts:
        recent.put(bytes([key]), kept(b"x" * size))
        assert recent.size <= limit
        assert recent.size == sum(size for _, size in recent.held().values())
        last = recent.get(bytes([key]), 0)
        assert (last is not None) == (weight(kept(b"x" * size)) <= limit)
