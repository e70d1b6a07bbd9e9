"""Modules that say `ON_EVERY_LOOP = True` run on uvloop, which serves, and on asyncio's own loop, the fallback."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if getattr(item.getparent(pytest.Module).obj, "ON_EVERY_LOOP", False):
        return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}
