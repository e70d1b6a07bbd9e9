"""The server's signals, without a gateway behind it."""

import asyncio
import os
import signal
from types import SimpleNamespace
from typing import Any, cast

import uvicorn

from tollway.errors import SettingsInvalid
from tollway.running import Runtime, Server


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("nobody asks")


def server(reload: Any = None) -> tuple[Server, Any]:
    entry = SimpleNamespace(ready=True)
    runtime: Any = SimpleNamespace(entry=entry, reload=reload, settings=SimpleNamespace(drain_s=1, drain_delay_s=0))
    return Server(uvicorn.Config(nothing), cast("Runtime", runtime), lambda address: None), entry


async def test_the_first_signal_says_not_ready_and_the_second_ends_at_once() -> None:
    found, entry = server()
    with found.capture_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        while entry.ready:
            await asyncio.sleep(0)
        assert not found.force_exit
        os.kill(os.getpid(), signal.SIGTERM)
        while not found.force_exit:
            await asyncio.sleep(0)
    assert found.should_exit


async def test_a_hang_up_reloads_and_what_fails_there_ends_nothing() -> None:
    asked: list[str] = []
    done = asyncio.Event()

    async def reload(by: str) -> int:
        asked.append(by)
        done.set()
        raise SettingsInvalid("budgets: no such field")

    found, entry = server(reload)
    with found.capture_signals():
        os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(5):
            await done.wait()
        await asyncio.sleep(0)
    assert asked == ["file"]
    assert entry.ready and not found.should_exit
