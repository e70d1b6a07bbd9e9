"""A real gateway inside this process, on a free port, for as long as a context lasts."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tollway.app import serve
from tollway.running import Runtime
from tollway.settings import ProcessSettings


class RunningGateway(msgspec.Struct, frozen=True, kw_only=True):
    """One that answers."""

    url: str
    runtime: Runtime
    first_key: str | None
    stopped: asyncio.Future[None]
    """Done when it has ended by itself: a signal was sent to the process, or it failed."""


@asynccontextmanager
async def running_gateway(
    folder: Path, settings_text: str | None = None, *, port: int = 0
) -> AsyncGenerator[RunningGateway]:
    """Serves `settings_text` (a first start's own settings where there is none) with its data in `folder`.

    Raises what `serve` raises: SettingsInvalid, StoreUnavailable, OSError for a port that is taken. One at a time, on
    the main thread: it takes the process's signals while it runs.
    """
    config = None
    if settings_text is not None:
        config = folder / "tollway.yaml"
        config.write_text(settings_text, encoding="utf-8")
    settings = ProcessSettings(
        host="127.0.0.1",
        port=port,
        data=folder / "data",
        config=config,
        durability="relaxed",
        drain_s=2.0,
        drain_delay_s=0.0,
        log_level="warning",
    )
    loop = asyncio.get_running_loop()
    announced: asyncio.Future[RunningGateway] = loop.create_future()
    stopped: asyncio.Future[None] = loop.create_future()

    def announce(url: str, runtime: Runtime, first_key: str | None) -> None:
        announced.set_result(RunningGateway(url=url, runtime=runtime, first_key=first_key, stopped=stopped))

    async def listen() -> None:
        try:
            await serve(settings, announce=announce)
        except SystemExit:
            # The listener's own way to say that it cannot have the address.
            raise OSError(f"port {port} cannot be listened on; another program has it, perhaps") from None

    serving = loop.create_task(listen())
    serving.add_done_callback(lambda _: None if stopped.done() else stopped.set_result(None))
    await asyncio.wait((serving, announced), return_when=asyncio.FIRST_COMPLETED)
    if not announced.done():
        await serving
        raise OSError("the gateway ended before it answered")
    try:
        yield announced.result()
    finally:
        if not serving.done():
            # Its own way to end: it takes no more, finishes what runs, and closes the ledger.
            os.kill(os.getpid(), signal.SIGTERM)
        await serving
