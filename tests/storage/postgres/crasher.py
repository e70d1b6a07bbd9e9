"""A process to be killed, as that of the file: reserves and settles as fast as it can, and says what has been acknowledged.

Arguments: URL, folder. Lines as those of tests/storage/sqlite/crasher.py.
"""

import asyncio
import os
import sys
from pathlib import Path

from tollway.ledger.reservation import Held
from tollway.storage.conformance.values import NOW, entry, metered, reservation
from tollway.storage.postgres.store import PostgresStore


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def main() -> None:
    store = PostgresStore(sys.argv[1], Path(sys.argv[2]))
    await store.open(NOW)
    say("ready")

    async def work(worker: int) -> None:
        number = 0
        while True:
            number += 1
            made = reservation(f"{os.getpid()}-{worker}-{number}", metered("a", 10, 10**12), metered("b", 10, 10**12))
            assert isinstance(await store.ledger.reserve(made, NOW), Held)
            say(f"R {made.id}")
            if number % 3 == 0:
                assert isinstance(await store.ledger.extend(made.id, 20, NOW), Held)
                say(f"E {made.id}")
            if number % 5 == 0:
                store.ledger.release(made.id, "not_sent", NOW)
                await store.ledger.flush()
                say(f"L {made.id}")
            elif number % 5 != 1:
                store.ledger.settle(entry(made, 3))
                await store.ledger.flush()
                say(f"S {made.id}")

    await asyncio.gather(*(work(worker) for worker in range(4)))


asyncio.run(main())
