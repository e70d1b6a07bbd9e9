"""Carries out what an exchange about batches and files asks for beyond the commands of every request."""

import asyncio
import logging
from concurrent.futures import Executor
from typing import Any

from tollway.errors import StoreUnavailable
from tollway.exchange.steps import Compute, Recall, Remember, Unavailable
from tollway.storage.protocol import Jobs

log = logging.getLogger("tollway.proxy")


async def carry_out(command: Compute | Recall | Remember, jobs: Jobs, thread: Executor) -> Any:
    """The reply to `command`. What is computed runs in `thread`, and lets the event loop in between its steps."""
    try:
        match command:
            case Compute():
                return await asyncio.get_running_loop().run_in_executor(thread, command.function)
            case Recall():
                return await jobs.recall(command.job_id)
            case Remember():
                return await jobs.remember(command.job)
    except StoreUnavailable as error:
        log.error("batches and files are unavailable: %s", error)
        return Unavailable(str(error))
