"""One gateway for each module of tests: starting one takes longer than a question."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.admin.gateways import Caller, gateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    async with gateway(folder) as running:
        yield running
