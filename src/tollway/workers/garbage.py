"""When Python looks for garbage in circles: seldom, little at a time, and all of it while nobody waits for an answer.

A collection holds up the event loop for 0.1 µs an object it looks at, and for 2 µs each it frees. Traffic leaves no
circles behind, but a crowd of requests under way is objects enough to have the collector look for some, and what it has
looked at is looked at again with whatever is older.
"""

import asyncio
import gc
from collections.abc import Callable

YOUNG = 2_000
"""Objects that are looked at together when they are new: 0.2 ms, and 4 ms if all of them were garbage."""
MIDDLE = 5
"""As many such collections before what they left is looked at once more: 12,000 objects, about a millisecond."""
OLD = 500
"""As many of those before everything is, whoever waits: once for some six million objects that came to stay. It bounds
what may pile up in a gateway that is never at rest."""
LOOKS_EVERY_S = 10.0


def begin() -> None:
    """What start-up has made lives as long as the process: it is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)


async def keep_collecting(at_rest: Callable[[], bool], every_s: float = LOOKS_EVERY_S) -> None:
    """Runs until cancelled. `at_rest`: no request is under way, so that a pause is nobody's."""
    while True:
        await asyncio.sleep(every_s)
        collect(at_rest())


def collect(at_rest: bool) -> bool:
    """Collects everything if nobody waits and there may be something to find; whether it did."""
    due = at_rest and gc.get_count()[2] > 0
    if due:
        gc.collect()
    return due
