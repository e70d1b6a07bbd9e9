"""Asking the store for sums that have everything in them that was settled until now."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.storage.analytics import Answer, Behind, Question


def asking(runtime: Runtime) -> Callable[[Question], Awaitable[Answer]]:
    """Answers questions about the ledger and the log; raises Problem where the sums are not there yet, or the range is too long."""

    async def ask(asked: Question) -> Answer:
        # What is settled counts at once; the rows follow within a moment, and are waited for here.
        await runtime.store.ledger.flush()
        await runtime.store.records.flush()
        with told_as_problems():
            return await runtime.store.analytics.ask(asked)

    return ask


@contextmanager
def told_as_problems() -> Generator[None]:
    """Raises Problem for what the store cannot answer."""
    try:
        yield
    except Behind as error:
        if error.temporary:
            raise Problem(503, "analytics_not_ready", str(error)) from None
        raise Problem(400, "records_deleted" if error.deleted else "range_too_long", str(error)) from None
