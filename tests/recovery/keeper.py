"""A store to be killed at a failpoint: does a little of everything, and says what was acknowledged.

Arguments: folder. The points are in TOLLWAY_FAILPOINTS. Lines: `R id amount` once a reserve was answered, `E id amount` an
extension, `S id amount` once a settlement was flushed, `A key` once an alert was kept; `end` when nothing has killed it.
"""

import asyncio
import os
import sys
from pathlib import Path

from tollway import failpoints
from tollway.alerts import Event
from tollway.ledger.reservation import Held
from tollway.storage.conformance.values import NOW, entry, metered, reservation
from tollway.storage.sql import recovery
from tollway.storage.sqlite import SqliteStore, writer

ROUNDS = 60


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def event(number: int) -> Event:
    return Event(id=f"e{number}", key=f"k{number}", kind="store", at=NOW, title="t", text="t", channels=("c",))


async def main(folder: Path) -> None:
    writer.CHECKPOINT_PAGES = 20
    recovery.PRUNED_AT_ONCE = 10
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
    store = SqliteStore(folder)
    await store.open(NOW)
    for number in range(ROUNDS):
        made = reservation(f"{os.getpid()}-{number}", metered("a", 50, 10**9), metered("b", 50, 10**9))
        assert isinstance(await store.ledger.reserve(made, NOW), Held)
        say(f"R {made.id} 50")
        if number % 2 == 0:
            assert isinstance(await store.ledger.extend(made.id, 80, NOW), Held)
            say(f"E {made.id} 80")
        if number % 3 == 0:
            store.ledger.shrink(made.id, 30)
        if number % 4:
            store.ledger.settle(entry(made, 20))
            await store.ledger.flush()
            say(f"S {made.id} 20")
        if number % 5 == 0:
            await store.outbox.raise_(event(number))
            say(f"A k{number}")
        if number % 10 == 9:
            while await store.prune(NOW):
                pass
    await store.close()
    say("end")


asyncio.run(main(Path(sys.argv[1])))
