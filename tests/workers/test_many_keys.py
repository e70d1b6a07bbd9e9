"""A hundred thousand keys: how long they take to load, and how much memory they hold."""

import secrets
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from tollway.identity.authority import IssuedKey, rotated
from tollway.identity.issued import Issued
from tollway.identity.keys import digest, make_id
from tollway.storage.protocol import Kept
from tollway.storage.sqlite import SqliteStore
from tollway.workers.keyring import DRAWER, Keyring

MANY = 100_000
NOW = 1_790_000_000_000
PEPPER = b"a pepper for tests"


def record(number: int, digest_: bytes) -> IssuedKey:
    wanted = IssuedKey(
        id=make_id(secrets.token_bytes),
        kind="key",
        name=f"key-{number:06}",
        user=f"person{number}@example.com",
        owner=f"person{number}@example.com",
        groups=("engineering",),
        metadata={"team": f"team-{number % 100}"},
        expires_at=NOW + 90 * 86_400_000,
        created_at=NOW,
        created_by="admin",
    )
    return rotated(wanted, digest_, now=NOW, grace_ms=0, by="admin")


def rss_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


async def fill(folder: Path) -> None:
    store = SqliteStore(folder)
    await store.open(NOW)
    for first in range(0, MANY, 5_000):
        records = [record(first + n, digest(f"secret {first + n}", PEPPER)) for n in range(5_000)]
        await store.cabinet.put(
            *(Kept(drawer=DRAWER, id=each.id, record=msgspec.json.encode(each), at=NOW) for each in records)
        )
    await store.close()


async def measure(folder: Path) -> None:
    """Prints the seconds that loading takes and the megabytes that it adds."""
    store, issued = SqliteStore(folder), Issued()
    await store.open(NOW)
    ring = Keyring(store.cabinet, issued, PEPPER, lambda: NOW, secrets.token_bytes)
    before, began = rss_mb(), time.perf_counter()
    count = await ring.load()
    took_s, after = time.perf_counter() - began, rss_mb()
    began = time.perf_counter()
    assert all(issued.get(digest(f"secret {n}", PEPPER)) is not None for n in range(0, MANY, 10))
    look_up_us = (time.perf_counter() - began) / (MANY / 10) * 1e6
    issued.uses = {f"key-{n:06}": NOW for n in range(MANY)}
    began = time.perf_counter()
    await ring.write_uses()
    print(count, f"{took_s:.2f} {after - before:.0f} {look_up_us:.2f} {time.perf_counter() - began:.2f}")
    await store.close()


@pytest.mark.slow
async def test_a_hundred_thousand_keys_load_in_seconds_and_a_few_hundred_megabytes(tmp_path: Path) -> None:
    await fill(tmp_path)
    script = f"import asyncio, pathlib, test_many_keys as t; asyncio.run(t.measure(pathlib.Path({str(tmp_path)!r})))"
    # A process of its own, whose memory is nobody else's.
    done = subprocess.run(  # noqa: ASYNC221
        [sys.executable, "-c", script], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    count, took_s, megabytes, *_ = done.stdout.split()
    print("keys, load s, MB, look-up us, write all uses s:", done.stdout)
    assert int(count) == MANY and float(took_s) < 20 and float(megabytes) < 400
