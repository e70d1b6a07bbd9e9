"""Modules that say `ON_EVERY_LOOP = True` run on uvloop, which serves, and on asyncio's own loop, the fallback."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import uvloop

from tollway.proxy import heavy


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if getattr(item.getparent(pytest.Module).obj, "ON_EVERY_LOOP", False):
        return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture(autouse=True)
def no_worker_process_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that lets a worker be started ends it too: it would run on, beside the tests behind it."""
    begun: list[Any] = []
    worker: Any = heavy._Worker
    begin = worker.__init__

    def begin_and_remember(self: Any, *given: Any) -> None:
        begin(self, *given)
        begun.append(self.process)

    monkeypatch.setattr(worker, "__init__", begin_and_remember)
    yield
    assert [process.pid for process in begun if process.returncode is None] == []
