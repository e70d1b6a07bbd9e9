import asyncio
from typing import Any

import pytest
from fake_issuer import FakeIssuer, issuer
from made_tokens import ISSUER, NOW, jwk

from tollway.proxy.discovery import Discoverer
from tollway.proxy.jwks import AGAIN_MS, OVERDUE_MS, REFRESH_MS, STALE_MS, IssuerUnavailable, KeySource


def source(draw: float = 0.5, **fields: Any) -> tuple[FakeIssuer, KeySource]:
    fake = FakeIssuer()
    return fake, KeySource(issuer(**fields), fake, Discoverer(fake), lambda: draw)


async def quiet() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_keys_are_fetched_when_they_are_first_needed_and_refreshed_beside_the_requests() -> None:
    fake, keys = source()
    assert keys.state.tried_at is None and not keys.usable(NOW)
    assert [key.key_id for key in (await keys.current(NOW)).keys] == ["a"]
    assert keys.usable(NOW + REFRESH_MS - 1)
    await quiet()
    assert fake.asked["/keys"] == 1
    assert keys.usable(NOW + REFRESH_MS)
    assert keys.usable(NOW + REFRESH_MS)
    await quiet()
    assert fake.asked["/keys"] == 2 and keys.state.fetched_at == NOW + REFRESH_MS


@pytest.mark.parametrize(("draw", "at"), [(0.0, 0.9), (0.5, 1.0), (1.0, 1.1)])
async def test_gateways_do_not_all_refresh_at_once(draw: float, at: float) -> None:
    fake, keys = source(draw)
    await keys.current(NOW)
    for moment, asked in ((int(REFRESH_MS * at) - 1, 1), (int(REFRESH_MS * at), 2)):
        keys.usable(NOW + moment)
        await quiet()
        assert fake.asked["/keys"] == asked


async def test_keys_that_did_not_change_keep_their_generation() -> None:
    fake, keys = source()
    await keys.current(NOW)
    assert keys.generation == 1
    await keys.current(NOW + OVERDUE_MS)
    assert keys.generation == 1 and fake.asked["/keys"] == 2
    fake.publishes(jwk("RS256", "new"))
    await keys.current(NOW + 2 * OVERDUE_MS)
    assert keys.generation == 2


async def test_overdue_keys_are_refreshed_before_they_are_used_and_serve_where_that_fails() -> None:
    fake, keys = source()
    await keys.current(NOW)
    fake.down = True
    at = NOW + OVERDUE_MS
    assert not keys.usable(at)
    assert [key.key_id for key in (await keys.current(at)).keys] == ["a"]
    assert keys.state.error and fake.asked["/keys"] == 2
    await keys.current(at + AGAIN_MS - 1)
    assert fake.asked["/keys"] == 2
    await keys.current(at + AGAIN_MS)
    assert fake.asked["/keys"] == 3
    await keys.current(NOW + STALE_MS - 1)
    with pytest.raises(IssuerUnavailable, match="cannot be reached"):
        await keys.current(NOW + STALE_MS)


async def test_an_unknown_key_has_them_fetched_again_but_not_at_once() -> None:
    fake, keys = source()
    await keys.current(NOW)
    assert await keys.after_unknown(NOW + AGAIN_MS - 1) is None
    again = await asyncio.gather(*(keys.after_unknown(NOW + AGAIN_MS) for _ in range(100)))
    assert len(again) == 100 and None not in again and fake.asked["/keys"] == 2


async def test_where_the_settings_say_the_keys_are_nothing_is_discovered() -> None:
    fake, keys = source(jwks_url=f"{ISSUER}/keys")
    await keys.current(NOW)
    assert set(fake.asked) == {"/keys"}


@pytest.mark.parametrize("answer", [(500, b"{}"), (302, b""), (200, b"<html>"), (200, b'{"keys":[]}'), (404, b"")])
async def test_an_answer_without_keys_is_no_answer(answer: tuple[int, bytes]) -> None:
    fake, keys = source()
    fake.answers["/keys"] = answer
    with pytest.raises(IssuerUnavailable):
        await keys.current(NOW)
    assert keys.keys is None and keys.state.error


async def test_a_defect_while_fetching_is_a_failure_like_any_other() -> None:
    fake, keys = source()
    fake.answers["/keys"] = None  # type: ignore[assignment]
    with pytest.raises(IssuerUnavailable, match="TypeError"):
        await keys.current(NOW)
