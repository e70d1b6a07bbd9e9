"""A world for batches: a real store, an account with a bill, and tellings carried out between them step by step."""

import json
from collections.abc import Generator
from typing import Any

import msgspec
import world
from batch_provider import Account, Answer

from tollway.exchange.authenticate import authenticate
from tollway.exchange.batch import job_exchange
from tollway.exchange.batch_collect import collect, collection
from tollway.exchange.steps import (
    Authenticate,
    Command,
    Compute,
    Ended,
    Forward,
    Head,
    Log,
    NotSent,
    Read,
    ReadRequests,
    Recall,
    Relay,
    Release,
    Remember,
    Reserve,
    Send,
    Sent,
    Settle,
)
from tollway.ledger.job import Job
from tollway.ledger.reservation import Hold
from tollway.providers.batch_bodies import read_requests
from tollway.providers.batches import job_call
from tollway.request import Credential, InferenceRequest
from tollway.snapshot import Snapshot
from tollway.storage.memory import MemoryStore
from tollway.storage.protocol import Store
from tollway.usage import Report

NOW = 1_795_000_000_000
"""2026-11-18, when the prices of batches are listed."""
BOB = "a-gateway-key-of-bob"
BUDGET = {"name": "all", "limit": "1", "window": {"period": "total"}}
KEYS = [
    {"name": "alice", "secret": world.KEY, "user": "alice@example.com"},
    {"name": "alice-2", "secret": "another-key-of-alice", "user": "alice@example.com"},
    {"name": "bob", "secret": BOB, "user": "bob@example.com"},
]


class Died(Exception):
    """The process was killed before a command was carried out."""


def value_of(work: Generator[None, None, Any]) -> Any:
    """What is worked out in many steps, in one."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def settings(**changes: Any) -> Snapshot:
    return world.snapshot(**{"keys": KEYS, "budgets": [BUDGET], **changes})


def request(
    method: str, path: str, body: Any = b"", *, api: str | None = None, secret: str | None = world.KEY, **more: Any
) -> InferenceRequest:
    """A call about jobs, as the server makes it."""
    family = "anthropic" if "/messages" in path else "openai"
    call = job_call(family, method, path)
    assert call is not None, path
    values: dict[str, Any] = {
        "api": call.api, "dialect": family, "path": path, "provider": family, "method": method, "received_at": NOW,
        "credentials": (Credential(b"authorization", secret),) if secret is not None else (),
    }  # fmt: skip
    values.update(more)
    made = world.request(body if body != b"" else b"", **values)
    return msgspec.structs.replace(made, upstream_path=call.path)


def messages(*names: str, model: str = "claude-haiku-4-5", cap: int = 200) -> dict[str, Any]:
    """The body of an Anthropic batch."""
    params = {"model": model, "max_tokens": cap, "messages": [{"role": "user", "content": "hello"}]}
    return {"requests": [{"custom_id": name, "params": params} for name in names]}


def lines(*names: str, model: str = "gpt-4o-mini", url: str = "/v1/chat/completions", **fields: Any) -> bytes:
    """An OpenAI input file."""
    body = {"model": model, "max_tokens": 200, "messages": [{"role": "user", "content": "hello"}], **fields}
    return b"".join(
        json.dumps({"custom_id": name, "method": "POST", "url": url, "body": body}).encode() + b"\n" for name in names
    )


def form(content: bytes, purpose: str = "batch") -> tuple[bytes, bytes]:
    """The content type and the body of an upload."""
    mark = b"--------mark"
    body = (
        b"--" + mark + b'\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n' + purpose.encode() + b"\r\n--" + mark
        + b'\r\ncontent-disposition: form-data; name="file"; filename="f.jsonl"\r\ncontent-type: application/jsonl\r\n\r\n'
        + content + b"\r\n--" + mark + b"--\r\n"
    )  # fmt: skip
    return b"multipart/form-data; boundary=" + mark, body


class JobWorld:
    """One gateway and one account."""

    def __init__(self, store: Store | None = None, snapshot: Snapshot | None = None) -> None:
        self.store: Store = store or MemoryStore()
        self.snapshot = snapshot or settings()
        self.account = Account()
        self.commands: list[Command] = []
        self.now = NOW
        self.cut = 0
        """How many bytes of results come before they break off; 0 for all."""
        self._answer: Answer | None = None
        self._number = 0

    def spent(self, account: str = "all") -> int:
        """Nanodollars."""
        (balance,) = self.store.ledger.balances([Hold(account, 0, 0, 0, 10**18)])
        return balance.spent

    async def call(self, method: str, path: str, body: Any = b"", *, dies_at: int | None = None, **more: Any) -> Answer:
        """What a caller is answered. `dies_at`: the process is killed before the command of that number."""
        self._number += 1
        more.setdefault("id", f"01900000-0000-7000-8000-{self._number:012}")
        asked = request(method, path, body, **more)
        return await self.carry(asked, job_exchange(asked, self.snapshot, world.calendar(), self.now), dies_at)

    async def upload(self, content: bytes, purpose: str = "batch", **more: Any) -> Answer:
        content_type, body = form(content, purpose)
        return await self.call("POST", "/v1/files", body, content_type=content_type, **more)

    async def collect(self, job: Job) -> None:
        """What the worker does with a batch."""
        self._number += 1
        asked = collection(job, f"01900000-0000-7000-8000-{self._number:012}", self.snapshot, self.now, 0)
        assert asked is not None
        await self.carry(asked, collect(job, asked, self.snapshot, self.now))

    async def job(self, identifier: str) -> Job | None:
        return await self.store.jobs.recall(identifier)

    async def carry(
        self, asked: InferenceRequest, steps: Generator[Command, Any, None], dies_at: int | None = None
    ) -> Answer:
        answered = Answer(0, "", b"")
        self.commands = []
        try:
            command = next(steps)
            while True:
                if len(self.commands) == dies_at:
                    steps.close()
                    raise Died
                self.commands.append(command)
                reply: Any = None
                match command:
                    case Send():
                        answered, reply = Answer(command.status, "", command.body), Sent(1)
                    case Relay():
                        reply = self._relay(command)
                        answered = Answer(command.status, "", self._shown)
                    case _:
                        reply = await self._reply(asked, command)
                command = steps.send(reply)
        except StopIteration:
            return answered

    async def _reply(self, asked: InferenceRequest, command: Command) -> Any:
        match command:
            case Authenticate():
                return authenticate(command.request, self.snapshot)
            case Reserve():
                return await self.store.ledger.reserve(command.reservation, self.now)
            case Forward():
                return self._forward(asked, command)
            case Read():
                return self._ended(raw=self._said.body)
            case Settle():
                self.store.ledger.settle(command.entry)
            case Release():
                self.store.ledger.release(command.reservation_id, command.code, self.now)
            case Compute():
                return value_of(command.work())
            case ReadRequests():
                made = command.request
                return read_requests(made.api, made.content_type, made.body)
            case Recall():
                return await self.store.jobs.recall(command.job_id)
            case Remember():
                await self.store.jobs.remember(command.job)
            case Log():
                self.store.records.write(command.record)
            case _:
                raise AssertionError(command)
        return None

    @property
    def _said(self) -> Answer:
        assert self._answer is not None, "read before it was forwarded"
        return self._answer

    def _forward(self, asked: InferenceRequest, command: Forward) -> Head | NotSent:
        self._answer = self.account.respond(
            command.request.method, command.path, asked.content_type.decode(), command.body
        )
        content_type = self._answer.content_type
        return Head(
            self._answer.status, ((b"content-type", content_type.encode()),), content_type != "application/json", 1
        )

    def _relay(self, command: Relay) -> Ended:
        body = self._said.body
        whole = not self.cut
        body = body if whole else body[: self.cut]
        # In pieces of an odd length, so that lines are cut.
        shown = b"".join(command.meter.feed(body[at : at + 7]) for at in range(0, len(body), 7))
        self._shown = shown + (command.meter.finish() if whole else b"")
        return self._ended(reason="complete" if whole else "broken_off", streamed=True)

    def _ended(self, *, reason: Any = "complete", raw: bytes = b"", streamed: bool = False) -> Ended:
        return Ended(reason=reason, report=Report(), raw=raw, streamed=streamed, at=self.now, at_ns=2)
