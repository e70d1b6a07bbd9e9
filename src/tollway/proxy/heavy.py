"""Reading and writing bodies that would hold up the event loop: in a process of its own.

One parse of a hostile body of 10 MB takes more than a second, and a thread would not help: the parser keeps Python's
lock all the while. So a worker process does it, one call after the other, the one that is due first: each is due when
it came plus what its size grants it, so that a small one passes ten large ones and no large one waits for ever.
"""

import asyncio
import heapq
import os
import socket
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from tollway.autorouting.task import Task
from tollway.errors import TollwayError
from tollway.providers.batches import Requests
from tollway.providers.codec import Malformed
from tollway.providers.prompts import Counted
from tollway.providers.rewrite import Rewrite
from tollway.providers.vocabularies import Name
from tollway.proxy.apart import put_together, taken_apart
from tollway.proxy.gathering import with_room
from tollway.proxy.heavy_worker import (
    LENGTHS_BYTES,
    Call,
    CountTokens,
    Cut,
    ReadAnswer,
    ReadAsk,
    ReadEvents,
    ReadRequests,
    ReadTask,
    Reply,
    TranslateBody,
    Write,
    lengths,
    packed,
)
from tollway.proxy.packed_requests import PackedRequests
from tollway.proxy.turn import Turn
from tollway.request import Api, Ask, InferenceRequest
from tollway.translate.codec import Answering, Told
from tollway.translate.conversation import Untranslatable
from tollway.translate.wanted import Wanted
from tollway.usage import Report

if TYPE_CHECKING:
    # With every codec of it, which most gateways never need.
    from tollway.translate.worded import Worded

_MODULE = "tollway.proxy.heavy_worker"
_PIECE_BYTES = 128 * 1024
"""Written at once: 0.1 ms. More is not taken from its caller before this has gone."""
_BYTES_PER_S = 10_000_000
"""What the order of calls grants a body for its size."""
_START_S = 20.0
_INHERITED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "SYSTEMROOT", "TMPDIR")
"""What a Python may need to start. No variable that could hold a secret is passed on."""


class HeavyFailed(TollwayError):
    """A body could not be read or written: the worker cannot be started, died on it, or took too long."""


Answer = tuple[Reply, bytes, list[bytes]]
"""A reply, its body, and what stands behind that because it is large."""


class _Job:
    """One call under way."""

    __slots__ = ("body", "call", "done")

    def __init__(self, call: Call, body: tuple[bytes | memoryview, ...], done: "asyncio.Future[Answer]") -> None:
        self.call = call
        self.body = body
        """One behind the other: putting them together would copy them."""
        self.done = done


class _Worker:
    """The process, and the line to it. Left behind, it ends by itself."""

    __slots__ = ("__weakref__", "end", "line", "process")

    def __init__(self, process: subprocess.Popen[bytes], line: socket.socket) -> None:
        self.process = process
        self.line = line
        # Not __del__: in a cycle the process and the line may be finalized before it is called, and complain.
        self.end = weakref.finalize(self, _ended, process, line)
        """Ends the process and waits for that, which takes a millisecond or two. A second time changes nothing."""


def _ended(process: subprocess.Popen[bytes], line: socket.socket) -> None:
    line.close()
    process.kill()
    process.wait()


class Heavy:
    """Carries out codec calls in a worker process, which is started when it is first needed and kept.

    Every call raises HeavyFailed, at the latest after `call_s` in the worker and `wait_s` in all.
    """

    def __init__(self, *, call_s: float = 10.0, wait_s: float = 60.0, command: tuple[str, ...] = ()) -> None:
        self._call_s = call_s
        self._wait_s = wait_s
        # -P: the directory it is started in is nobody's place to put modules.
        self._command = command or (sys.executable, "-P", "-m", _MODULE)
        self._worker: _Worker | None = None
        self._serving: asyncio.Task[None] | None = None
        self._waiting: list[tuple[float, int, _Job]] = []
        self._order = count()
        self.turn = Turn()
        """Asked by all who take long on this loop."""

    @property
    def waiting(self) -> int:
        """How many calls wait for the one that is under way."""
        return len(self._waiting)

    @property
    def pid(self) -> int | None:
        """The worker's process id; `None` while there is none."""
        return self._worker.process.pid if self._worker is not None else None

    async def read_ask(self, request: InferenceRequest) -> Ask | Malformed:
        """`Codec.read_ask` of a request's body."""
        call = ReadAsk(request.api, request.upstream_path, request.query, request.content_type)
        reply, _, _ = await self._call(call, request.body)
        found = reply.ask or reply.malformed
        if found is None:
            raise HeavyFailed("the worker answered something else than it was asked")
        return found

    async def write(self, body: bytes, rewrite: Rewrite) -> bytes:
        """`body` with its changes made."""
        return (await self._call(Write(rewrite), body))[1]

    async def read_answer(self, api: Any, body: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Report:
        """`Codec.read_answer` of a whole answer."""
        reply, _, _ = await self._call(ReadAnswer(api, tuple(headers)), body)
        if reply.report is None:
            raise HeavyFailed("the worker answered something else than it was asked")
        return reply.report

    async def read_events(self, take: Callable[[Any, Any], Any], reader: Any, events: list[Any]) -> tuple[Any, Any]:
        """The reader behind `events`, and what `take(reader, event)` said to each. Both must be of Tollway's providers or translations."""
        if self.turn.over():
            await self.turn.free()
        pickled, large = taken_apart((take, reader, events))
        _, body, beside = await self._call(ReadEvents(tuple(map(len, large))), pickled, *large)
        return put_together(body, beside)

    async def read_requests(self, api: Api, content_type: bytes, body: bytes) -> Requests | Malformed:
        """The requests of a batch in a request's body."""
        reply, found, _ = await self._call(ReadRequests(api, content_type), body)
        if reply.malformed is not None:
            return reply.malformed
        if reply.batch is None:
            raise HeavyFailed("the worker answered something else than it was asked")
        batch = reply.batch
        return Requests(batch.endpoint, batch.api, batch.model, PackedRequests(found, batch.lengths, batch.count))

    async def cut(self, body: bytes, field: str, keeps: Literal["field", "rest"]) -> tuple[bytes, bytes] | Malformed:
        """A JSON object cut in two at one of its fields: the large part, which is what `keeps` says and an object itself,
        and the other, of at most LARGEST_OTHER bytes. The field is empty where there is none."""
        reply, kept, _ = await self._call(Cut(field, keeps), body)
        if reply.malformed is not None:
            return reply.malformed
        if reply.other is None:
            raise HeavyFailed("the worker answered something else than it was asked")
        return kept, reply.other

    async def count(self, vocabulary: Name, shown: Sequence[str], request: InferenceRequest | None) -> Counted:
        """The tokens of what a stream has shown, and of a request's prompt. The first call of a worker takes a second."""
        # Bytes, because a lone surrogate cannot be sent as text.
        texts = [text.encode(errors="surrogatepass") for text in shown]
        if request is not None:
            texts.append(request.body)
        lengths = tuple(map(len, texts[: len(shown)]))
        reply, _, _ = await self._call(CountTokens(vocabulary, lengths, request and request.api), *texts)
        if reply.counted is None:
            raise HeavyFailed("the worker answered something else than it was asked")
        return reply.counted

    async def translate(self, wanted: Wanted, body: bytes) -> "Worded | Untranslatable | Malformed":
        """A request in the words of another API, and what its body asks for there."""
        reply, told, large = await self._call(TranslateBody(wanted), body)
        if reply.untranslatable is not None:
            return Untranslatable(*reply.untranslatable)
        if reply.malformed is not None:
            return reply.malformed
        from tollway.translate.worded import Worded

        translation, sent, ask = put_together(told, large)
        return ask if isinstance(ask, Malformed) else Worded(translation, sent, ask)

    async def translate_back(self, translation: Answering, status: int, body: bytes) -> Told:
        """A whole answer in the words of the caller's API."""
        from tollway.translate.translation import told

        _, (found,) = await self.read_events(told, translation, [(status, body)])
        return found

    async def read_task(self, api: Api, body: bytes) -> Task | None:
        """What a request's body sets its model to do; `None` where it does not tell."""
        return (await self._call(ReadTask(api), body))[0].task

    async def aclose(self) -> None:
        """Ends the worker. Calls under way fail."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.wait((self._serving,))
        while self._waiting:
            _fail(heapq.heappop(self._waiting)[2], "The gateway is stopping.")
        await self._end()

    async def _call(self, call: Call, *body: bytes | memoryview) -> Answer:
        loop = asyncio.get_running_loop()
        job = _Job(call, body, loop.create_future())
        due = loop.time() + sum(map(len, body)) / _BYTES_PER_S
        heapq.heappush(self._waiting, (due, next(self._order), job))
        if self._serving is None:
            self._serving = loop.create_task(self._serve())
        try:
            async with asyncio.timeout(self._wait_s):
                return await job.done
        except TimeoutError:
            raise HeavyFailed(f"It had to wait for other large bodies for {self._wait_s:g} s.") from None

    async def _serve(self) -> None:
        """Carries out what waits, and ends when nothing does."""
        try:
            while self._waiting:
                job = heapq.heappop(self._waiting)[2]
                if not job.done.done():
                    await self._carry_out(job)
        finally:
            self._serving = None

    async def _carry_out(self, job: _Job) -> None:
        try:
            worker = await self._started()
            async with asyncio.timeout(self._call_s):
                reply = await _exchanged(worker, job)
        except TimeoutError:
            await self._end()
            _fail(job, f"It takes longer than {self._call_s:g} s to read.")
        except (OSError, EOFError, msgspec.DecodeError):
            # asyncio.IncompleteReadError is an EOFError: the worker is gone, and whoever it was busy with has failed.
            await self._end()
            _fail(job, "The process that reads large bodies has died, or cannot be started.")
        except asyncio.CancelledError:
            _fail(job, "The gateway is stopping.")
            raise
        else:
            if reply[0].last:
                await self._end()
            if not job.done.done():
                job.done.set_result(reply)

    async def _started(self) -> _Worker:
        if self._worker is not None:
            if self._worker.process.poll() is None:
                return self._worker
            await self._end()
        # In a thread, by vfork: asyncio's own way copies the page tables of this process meanwhile, for 30 ms.
        self._worker = worker = await asyncio.to_thread(self._spawn)
        async with asyncio.timeout(_START_S):
            await _read(worker)
        return worker

    def _spawn(self) -> _Worker:
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(place for place in sys.path if place)
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            try:
                ours.setblocking(False)
                # A key on the terminal is for the gateway, which still has answers to finish: hence a session of its own.
                process = subprocess.Popen(  # noqa: S603 (our own interpreter)
                    self._command, stdin=number, stdout=number, env=environment, start_new_session=True
                )
            except BaseException:
                ours.close()
                raise
        # Made here, so that it ends even if nobody waits for it any more.
        return _Worker(process, ours)

    async def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        await asyncio.to_thread(worker.end)


async def _exchanged(worker: _Worker, job: _Job) -> Answer:
    """One call and its reply."""
    send = asyncio.get_running_loop().sock_sendall
    await send(worker.line, packed(job.call, sum(map(len, job.body))))
    for body in map(memoryview, job.body):
        for start in range(0, len(body), _PIECE_BYTES):
            await send(worker.line, body[start : start + _PIECE_BYTES])
            # A line that takes everything at once would let nobody else in between.
            await asyncio.sleep(0)
    return await _read(worker)


async def _read(worker: _Worker) -> Answer:
    head, body = lengths(await _taken(worker, LENGTHS_BYTES))
    reply = msgspec.msgpack.decode(await _taken(worker, head), type=Reply)
    found = await _taken(worker, body - sum(reply.large))
    return reply, found, [await _taken(worker, length) for length in reply.large]


async def _taken(worker: _Worker, length: int) -> bytes:
    """The next `length` bytes. Raises EOFError where the worker has ended."""
    receive = asyncio.get_running_loop().sock_recv
    gathered = with_room(length)
    while length:
        piece = await receive(worker.line, min(length, _PIECE_BYTES))
        if not piece:
            raise EOFError
        gathered.write(piece)
        length -= len(piece)
        if length:
            # A line that always has more would let nobody else in between.
            await asyncio.sleep(0)
    return gathered.getvalue()


def _fail(job: _Job, message: str) -> None:
    if not job.done.done():
        job.done.set_exception(HeavyFailed(message))
        # Whoever asked may have left.
        job.done.exception()
