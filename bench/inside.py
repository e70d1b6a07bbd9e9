"""A gateway inside this process, in front of a provider that answers from memory: no sockets, no HTTP, no workers.

What is left is what Tollway itself does with a request, from its headers to the commit of its charge. The sources of an earlier
revision, on PYTHONPATH, are driven by the same code:

    PYTHONPATH=old/src python bench/inside.py SETTINGS.json PATH [MODEL]

It prints "ready", then reads how many requests to make, a number a line, and prints the microseconds of CPU that each took.
"""

import asyncio
import functools
import gc
import json
import logging
import os
import sys
import tempfile
import time
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import uvloop

from tollway.budgets.window import Calendar
from tollway.clock import Clock
from tollway.document import compile_document, read_document
from tollway.identity.issued import Issued
from tollway.ids import Ids, RandomPool
from tollway.pricing.price import FILE, PriceBook
from tollway.proxy.server import Entry
from tollway.proxy.world import World
from tollway.storage.sqlite import SqliteStore

TOKEN = "tw_bench_0123456789abcdef0123456789abcdef"
MODEL = "gpt-4o-mini"
AT_ONCE = 16
"""Requests under way together."""
WARM_UP = 400
"""Requests after which caches are full and the interpreter has seen what there is to see."""

Headers = tuple[tuple[bytes, bytes], ...]
_WORDS = "Tell me in one sentence what a gateway is. "
_ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_767_225_600,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": _WORDS * 14}, "finish_reason": "stop"},
        ],
        "usage": {
            "prompt_tokens": 210,
            "completion_tokens": 110,
            "total_tokens": 320,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }
).encode()


def chat(model: str = MODEL) -> bytes:
    """The body of a request: about a kilobyte."""
    messages = [{"role": "user", "content": _WORDS * 21}]
    return json.dumps({"model": model, "max_tokens": 256, "messages": messages}).encode()


class _Answer:
    """What the provider says, in one piece."""

    __slots__ = ("_left",)

    status = 200
    headers = (
        (b"server", b"fake"),
        (b"content-type", b"application/json"),
        (b"x-request-id", b"req_0123456789"),
        (b"content-length", str(len(_ANSWER)).encode()),
    )

    def __init__(self) -> None:
        self._left = _ANSWER

    async def read(self) -> bytes:
        left, self._left = self._left, b""
        return left

    def close(self) -> None:
        return


class _Provider:
    """Answers at once. `calls`: how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    async def send(self, request: Any) -> _Answer:
        self.calls += 1
        return _Answer()

    async def aclose(self) -> None:
        return


class Gateway:
    """One gateway with its world, and the requests it has answered."""

    def __init__(self, entry: Entry, world: World, provider: _Provider, store: Any) -> None:
        self._entry = entry
        self._world = world
        self._provider = provider
        self._store = store

    @classmethod
    async def opened(
        cls, settings: dict[str, Any], folder: Path, *, clock: Clock | None = None, in_memory: bool = False
    ) -> "Gateway":
        """A gateway with its data in `folder`; `in_memory`: ledger and log are not, so that nothing is done behind a request."""
        clock, provider = clock or Clock(), _Provider()
        snapshot = compile_document(
            read_document(settings),
            resolve=lambda reference, where: reference.partition(":")[2],
            book=_book(),
            pepper=b"p" * 32,
            revision=1,
            text="",
            issued=Issued(),
            stored={},
        )
        store = SqliteStore(folder, sync="normal")
        await store.open(clock.now())
        clock.begin(store.ledger.latest)
        ledger, records = store.ledger, store.records
        if in_memory:
            memory = import_module("tollway.storage.memory")
            ledger = memory.MemoryLedger()
            records = memory.MemoryRecords(ledger)
        world = World(ledger, records, provider, clock, {}, jobs=store.jobs, **_since(store, clock, folder))
        world.prepare(snapshot)
        ids = Ids(RandomPool(os.urandom).take)
        entry = Entry(world=world, snapshot=snapshot, calendar=Calendar(), ids=ids, control=_no_control)
        entry.serving = entry.ready = True
        return cls(entry, world, provider, store)

    @property
    def calls(self) -> int:
        """How often the provider was called."""
        return self._provider.calls

    async def ask(self, path: str, body: bytes, headers: Headers = ()) -> tuple[int, dict[bytes, bytes], bytes]:
        """Status, headers and body of one answer."""
        said: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            said.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [
                (b"host", b"127.0.0.1:8787"),
                (b"authorization", b"Bearer " + TOKEN.encode()),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
            "client": ("127.0.0.1", 50_000),
        }
        await self._entry(scope, receive, send)
        return said[0]["status"], dict(said[0]["headers"]), b"".join(message.get("body", b"") for message in said[1:])

    async def burst(self, requests: int, path: str, body: bytes, named: bytes = b"") -> float:
        """Microseconds of CPU that each of so many requests took. `named`: a header that has another value each time."""
        numbers = iter(range(requests))

        async def some() -> None:
            for number in numbers:
                headers = ((named, f"{began_ns}-{number}".encode()),) if named else ()
                status, _, said = await self.ask(path, body, headers)
                assert status == 200, said

        began_ns = time.process_time_ns()
        await asyncio.gather(*(some() for _ in range(AT_ONCE)))
        return (time.process_time_ns() - began_ns) / requests / 1_000

    async def aclose(self) -> None:
        if (telemetry := getattr(self._world, "telemetry", None)) is not None:
            await telemetry.aclose()
        await self._world.heavy.aclose()
        if (repeats := getattr(self._world, "repeats", None)) is not None:
            await repeats.close()
        await self._store.close()


@functools.cache
def _book() -> PriceBook:
    return PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())


def _since(store: SqliteStore, clock: Clock, folder: Path) -> dict[str, Any]:
    """The parts of a world that not every revision has."""
    known = frozenset(World.__struct_fields__)
    parts: dict[str, Any] = {}
    if "answers" in known:
        parts["answers"] = import_module("tollway.storage.cached").MemoryAnswers(64 * 1024 * 1024)
    if "repeats" in known:
        shelf = import_module("tollway.storage.sqlite.repeats").SqliteShelf(folder, sync="normal")
        parts["repeats"] = import_module("tollway.storage.repeats").Repeats(shelf)
    if "bodies" in known:
        parts["bodies"] = store.bodies
    if "telemetry" in known:
        parts["telemetry"] = import_module("tollway.running").telemetry_of(store, clock, {})
    return parts


async def _no_control(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError(f"{scope['path']} is not model traffic")


def rest() -> None:
    """Puts what there is out of the collector's sight, as a gateway does when it has started (`workers/garbage.py`)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 5, 500)


async def _serve(settings: Path, path: str, model: str = MODEL) -> None:
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        gateway = await Gateway.opened(json.loads(settings.read_text()), Path(folder))
        body = chat(model)
        await gateway.burst(WARM_UP, path, body)
        rest()
        print("ready", flush=True)
        while requests := (await asyncio.to_thread(sys.stdin.readline)).strip():
            print(await gateway.burst(int(requests), path, body), flush=True)
        await gateway.aclose()


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1]), *sys.argv[2:]))
