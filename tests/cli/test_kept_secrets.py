"""The pepper and the administrator's token: made once, kept for the owner alone, and missed when they are gone."""

import stat
from pathlib import Path

import pytest

from tollway.cli.kept_secrets import admin_token, check_pepper, pepper
from tollway.errors import SettingsInvalid
from tollway.storage.conformance.values import NOW
from tollway.storage.memory import MemoryCabinet


@pytest.fixture(autouse=True)
def nothing_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOLLWAY_PEPPER", "TOLLWAY_PEPPER_IS_NEW", "TOLLWAY_ADMIN_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_each_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    assert pepper(tmp_path) == pepper(tmp_path) and admin_token(tmp_path) == admin_token(tmp_path)
    assert len(pepper(tmp_path)) == 43 and pepper(tmp_path) != admin_token(tmp_path).encode()
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("written", ["", "\n", "abcd", "x" * 31])
def test_a_pepper_that_was_cut_short_is_not_used(tmp_path: Path, written: str) -> None:
    (tmp_path / "pepper").write_text(written)
    with pytest.raises(SettingsInvalid, match=r"pepper has \d+ characters.*backup"):
        pepper(tmp_path)


def test_one_that_is_given_is_used_and_not_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLWAY_PEPPER", "p" * 32)
    assert pepper(tmp_path) == b"p" * 32 and not list(tmp_path.iterdir())
    monkeypatch.setenv("TOLLWAY_PEPPER", "p" * 31)
    with pytest.raises(SettingsInvalid, match="31 characters"):
        pepper(tmp_path)


async def test_another_pepper_than_the_one_before_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    cabinet = MemoryCabinet()
    await check_pepper(cabinet, b"one", NOW)
    await check_pepper(cabinet, b"one", NOW)
    with pytest.raises(SettingsInvalid, match="TOLLWAY_PEPPER_IS_NEW=1"):
        await check_pepper(cabinet, b"two", NOW)
    monkeypatch.setenv("TOLLWAY_PEPPER_IS_NEW", "1")
    await check_pepper(cabinet, b"two", NOW)
    monkeypatch.delenv("TOLLWAY_PEPPER_IS_NEW")
    await check_pepper(cabinet, b"two", NOW)
    (kept,) = await cabinet.all("pepper", NOW)
    assert b"two" not in kept.record
