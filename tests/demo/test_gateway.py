import stat
from pathlib import Path

import pytest

from tollway.demo.gateway import running_gateway
from tollway.errors import SettingsInvalid


async def test_it_runs_until_the_context_ends_and_keeps_its_ledger(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, "budgets: []") as gateway:
        assert gateway.url.startswith("http://127.0.0.1:")
        assert gateway.first_key is None
        assert not gateway.stopped.done()
    assert gateway.stopped.done()
    assert stat.S_IMODE((tmp_path / "data" / "admin-token").stat().st_mode) == 0o600


async def test_without_settings_it_is_a_first_start(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway:
        assert gateway.first_key == (tmp_path / "data" / "first.key").read_text().strip()


async def test_settings_that_cannot_be_used_are_raised(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="budgts"):
        async with running_gateway(tmp_path, "budgts: []"):
            raise AssertionError("it runs")
