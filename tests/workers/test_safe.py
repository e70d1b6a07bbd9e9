"""The safe keeps keys sealed, opens them for requests alone, and its master key can be changed under load."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.sealing import SealBroken, Sealed
from tollway.storage.conformance.values import NOW
from tollway.storage.memory import MemoryCabinet
from tollway.storage.protocol import Kept
from tollway.workers import safe as safes
from tollway.workers.masters import FILE, Masters
from tollway.workers.safe import DRAWER, Safe, Stored, keep_safe

SECRET = "sk-canary-0123456789abcdef"


def stored(provider: str = "openai", alias: str = "default", **fields: Any) -> Stored:
    empty = Sealed(master="", data_key=b"", secret=b"")
    made = Stored(provider=provider, alias=alias, sealed=empty, preview="", created_at=0, changed_at=0, by="alice")
    return msgspec.structs.replace(made, **fields)


async def filled(folder: Path, *names: str) -> tuple[Safe, MemoryCabinet]:
    cabinet = MemoryCabinet()
    safe = Safe(cabinet, Masters(folder, {}))
    assert not await safe.load(NOW)
    for name in names:
        await safe.put(stored(*name.split("/")), f"{SECRET}-{name}", NOW)
    return safe, cabinet


def revealed(safe: Safe) -> dict[str, dict[str, str | None]]:
    return {
        provider: {alias: key.secret.reveal() if key.secret is not None else None for alias, key in keys.items()}
        for provider, keys in safe.opened().items()
    }


async def test_what_is_stored_opens_after_a_start_and_its_record_shows_nothing(tmp_path: Path) -> None:
    safe, cabinet = await filled(tmp_path, "openai/default", "openai/second")
    await safe.put(stored(gateway="ci"), "short", NOW)
    again = Safe(cabinet, Masters(tmp_path, {}))
    assert await again.load(NOW)
    assert [each.id for each in again.all()] == ["ci/openai/default", "openai/default", "openai/second"]
    assert again.reveal("openai/second") == f"{SECRET}-openai/second"
    assert revealed(again) == {
        "openai": {"ci/default": "short", "default": f"{SECRET}-openai/default", "second": f"{SECRET}-openai/second"}
    }
    assert [each.preview for each in again.all()] == ["", "ault", "cond"]
    assert not any(b"canary" in kept.record for kept in await cabinet.all(DRAWER, NOW))


async def test_what_is_not_there_is_named_with_what_is(tmp_path: Path) -> None:
    safe, _ = await filled(tmp_path, "openai/default")
    with pytest.raises(SealBroken, match=r'"openai/x".*there is: openai/default.*tollway secrets set openai/x'):
        safe.reveal("openai/x")


async def test_what_cannot_be_opened_is_there_and_opens_nothing_and_the_rest_does(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    safe, cabinet = await filled(tmp_path, "openai/default", "groq/default")
    await safe.put(stored("mistral", expires_at=NOW + 5), SECRET, NOW)
    assert safe.opened()["mistral"]["default"].expires_at == NOW + 5
    assert safe.status(safe.all()[1], NOW + 5) == "expired"
    (kept,) = [each for each in await cabinet.all(DRAWER, NOW) if each.id == "groq/default"]
    moved = msgspec.structs.replace(msgspec.json.decode(kept.record, type=Stored), provider="openai", alias="stolen")
    await cabinet.put(Kept(drawer=DRAWER, id=moved.id, record=msgspec.json.encode(moved), at=NOW))
    again = Safe(cabinet, Masters(tmp_path, {}))
    await again.load(NOW)
    assert revealed(again)["openai"] == {"default": f"{SECRET}-openai/default", "stolen": None}
    assert "openai/stolen" in caplog.text and "canary" not in caplog.text


async def test_a_replaced_key_keeps_its_birthday_and_a_removed_one_is_gone(tmp_path: Path) -> None:
    safe, cabinet = await filled(tmp_path, "openai/default")
    replaced = await safe.put(stored(), "sk-other", NOW + 7)
    assert (replaced.created_at, replaced.changed_at, safe.reveal("openai/default")) == (NOW, NOW + 7, "sk-other")
    assert await safe.remove("openai/default", NOW) == replaced
    assert await safe.remove("openai/default", NOW) is None
    assert not await cabinet.all(DRAWER, NOW) and not safe.all()


async def test_a_rotation_wraps_everything_and_needs_the_old_master_no_more(tmp_path: Path) -> None:
    safe, cabinet = await filled(tmp_path, *(f"p{n}/default" for n in range(5)))
    before = (tmp_path / FILE).read_text()
    assert await safe.rotate(NOW, renew=True) == 5
    assert await safe.rotate(NOW, renew=False) == 0
    after = (tmp_path / FILE).read_text()
    assert before not in after and len(after.splitlines()) == 1
    again = Safe(cabinet, Masters(tmp_path, {}))
    await again.load(NOW)
    assert [again.reveal(f"p{n}/default") for n in range(5)] == [f"{SECRET}-p{n}/default" for n in range(5)]


@pytest.mark.parametrize("dies_after", range(6))
async def test_a_rotation_that_dies_at_any_row_loses_nothing_and_is_taken_up_again(
    tmp_path: Path, dies_after: int
) -> None:
    safe, cabinet = await filled(tmp_path, *(f"p{n}/default" for n in range(5)))
    first = Masters(tmp_path, {}).current().id
    left = dies_after
    real = cabinet.put

    async def dying(*kept: Kept) -> None:
        nonlocal left
        if not left:
            raise StoreUnavailable("killed")
        left -= 1
        await real(*kept)

    cabinet.put = dying  # type: ignore[method-assign]
    if dies_after < 5:
        with pytest.raises(StoreUnavailable):
            await safe.rotate(NOW, renew=True)
    else:
        await safe.rotate(NOW, renew=True)
    cabinet.put = real  # type: ignore[method-assign]
    again = Safe(cabinet, Masters(tmp_path, {}))
    await again.load(NOW)
    assert [again.reveal(f"p{n}/default") for n in range(5)] == [f"{SECRET}-p{n}/default" for n in range(5)]
    assert await again.rotate(NOW, renew=False) == 5 - dies_after
    assert len({each.sealed.master for each in again.all()} | {first}) == 2
    assert first not in [each.id for each in Masters(tmp_path, {}).all]


async def test_keys_are_opened_while_they_are_wrapped_anew(tmp_path: Path) -> None:
    safe, _ = await filled(tmp_path, *(f"p{n}/default" for n in range(10)))
    rotating = asyncio.create_task(safe.rotate(NOW, renew=True))
    opened = 0
    while not rotating.done():
        assert await asyncio.to_thread(safe.reveal, f"p{opened % 10}/default") == f"{SECRET}-p{opened % 10}/default"
        opened += 1
    assert await rotating == 10 and opened


async def test_it_is_known_when_a_key_was_used_and_when_a_provider_refused_it(tmp_path: Path) -> None:
    safe, cabinet = await filled(tmp_path, "openai/default")
    (key,) = safe.all()
    assert safe.status(key, NOW) == "unused"
    safe.note("openai", "default", NOW + 1, refused=False)
    assert safe.status(key, NOW + 1) == "active"
    safe.note("openai", "default", NOW + 2, refused=True)
    safe.note("openai", "nobody", NOW + 2, refused=True)
    assert safe.status(key, NOW + 2) == "invalid"
    await safe.note_use(NOW + 3)
    again = Safe(cabinet, Masters(tmp_path, {}))
    await again.load(NOW + 3)
    assert again.status(key, NOW + 3) == "invalid" and list(again.used) == ["openai/default"]
    # Another key in its place is not the one that was refused.
    fresh = await again.put(stored(), "sk-other", NOW + 4)
    assert again.status(fresh, NOW + 4) == "unused"


async def test_use_is_kept_every_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    safe, cabinet = await filled(tmp_path, "openai/default")
    safe.note("openai", "default", NOW, refused=False)
    turns = 0

    async def sleep(seconds: float) -> None:
        nonlocal turns
        assert seconds == safes.EVERY_S
        turns += 1
        if turns > 2:
            raise asyncio.CancelledError

    monkeypatch.setattr(safes.asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await keep_safe(safe, Clock(read=lambda: (NOW + 1) * 1_000_000))
    assert [each.id for each in await cabinet.all("secret-use", NOW)] == ["openai/default"]
