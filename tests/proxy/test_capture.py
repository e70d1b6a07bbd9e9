"""Bodies as they go by: what is kept of them, and what they hold of memory meanwhile."""

from collections.abc import Collection, Sequence
from typing import Any

import world

from tollway.exchange.steps import Send
from tollway.logs.bodies import OVERLAP, About, Bodies, KeptBody, Part
from tollway.logs.record import Durations, LogRecord
from tollway.logs.rules import Logs
from tollway.proxy.caller import Caller
from tollway.proxy.capture import Capture, painter_of, secrets_of
from tollway.storage.bodies import Room

JSON = (b"content-type", b"application/json")
RECORD = LogRecord(
    request_id="r",
    at=7,
    gateway="default",
    method="POST",
    path="/",
    api="",
    status=200,
    durations=Durations(total_us=1),
)


NEVER = frozenset({b"the-administrator's-token"})


class Kept(Room):
    """Keeps bodies in a list."""

    def __init__(self, most: int = 10_000) -> None:
        super().__init__(most)
        self.all: list[Bodies] = []

    def drop(self) -> None:
        self.dropped += 1

    def keep(self, bodies: Bodies) -> None:
        self.all.append(bodies)
        self.let_go(bodies.held)

    async def parts(self, request_id: str) -> Sequence[About]:
        raise NotImplementedError

    async def body(self, request_id: str, part: Part) -> KeptBody | None:
        raise NotImplementedError

    async def delete(self, request_ids: Collection[str]) -> int:
        raise NotImplementedError

    async def retain(self, *, before: int | None, requests: int | None, limit_bytes: int | None) -> int:
        raise NotImplementedError

    async def give_back(self) -> None: ...

    async def flush(self) -> None: ...

    async def close(self) -> None: ...


def capture(kept: Kept, asked: bytes = b"a question", **logs: Any) -> tuple[Capture, Caller, list[Any]]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    caller = Caller(send, None, None, stays=False)
    request = world.request(asked)
    return (
        Capture(kept, Logs(payload=True, **logs), request, caller, NEVER),
        caller,
        sent,
    )


def parts(bodies: Bodies) -> dict[str, bytes]:
    return {body.part: body.content for body in bodies.bodies}


async def test_a_stream_is_kept_as_the_caller_was_sent_it() -> None:
    kept = Kept()
    made, caller, sent = capture(kept)
    await caller.start(200, ((b"content-type", b"text/event-stream"),))
    for piece in (b"data: a\n\n", b"data: b\n\n"):
        await caller.pass_on(piece, more=True)
    await caller.pass_on(b"", more=False)
    assert kept.held == 18 and len(sent) == 4
    made.keep(RECORD)
    (bodies,) = kept.all
    assert parts(bodies) == {"asked": b"a question", "returned": b"data: a\n\ndata: b\n\n"}
    assert [(body.content_type, body.size) for body in bodies.bodies][1] == ("text/event-stream", 18)
    assert (bodies.request_id, bodies.at) == ("r", 7)
    made.close()
    assert kept.held == 0


async def test_a_whole_answer_is_kept_once_however_it_is_sent() -> None:
    kept = Kept()
    made, caller, sent = capture(kept)
    answer = Send(200, (JSON,), b'{"said": "hello"}')
    made.whole(answer)
    await caller.start(200, answer.headers)
    await caller.pass_on(answer.body, more=False)
    made.keep(RECORD)
    assert parts(kept.all[0])["returned"] == answer.body and len(sent) == 2 and kept.held == 0


async def test_of_a_long_answer_the_beginning_is_held_and_its_length_told() -> None:
    kept = Kept(100_000)
    made, caller, _ = capture(kept, max_body_bytes=10)
    for _ in range(20):
        await caller.pass_on(b"x" * 1_000, more=True)
    assert kept.held == 10 + OVERLAP
    made.keep(RECORD)
    returned = kept.all[0].bodies[-1]
    assert (len(returned.content), returned.size, kept.all[0].most) == (10 + OVERLAP, 20_000, 10)


async def test_a_stream_without_room_passes_all_the_same_and_is_counted_as_not_kept() -> None:
    kept = Kept(100)
    made, caller, sent = capture(kept)
    for _ in range(5):
        await caller.pass_on(b"x" * 40, more=True)
    assert kept.held == 0 and len(sent) == 5
    made.keep(RECORD)
    assert (kept.all, kept.dropped, kept.held) == ([], 1, 0)


async def test_a_question_without_room_is_counted_as_not_kept() -> None:
    kept = Kept(100)
    made, _, _ = capture(kept, asked=b"x" * 101)
    made.keep(RECORD)
    assert (kept.all, kept.dropped, kept.held) == ([], 1, 0)


async def test_an_exchange_that_never_comes_to_its_record_gives_its_room_back() -> None:
    kept = Kept()
    made, caller, _ = capture(kept)
    await caller.pass_on(b"x" * 40, more=True)
    made.close()
    made.close()
    assert kept.held == 0 and kept.dropped == 0


async def test_the_callers_credentials_are_among_the_secrets() -> None:
    kept = Kept()
    made, _, _ = capture(kept)
    made.keep(RECORD)
    assert set(kept.all[0].secrets) == {world.KEY.encode()}


async def test_the_secrets_of_the_settings_go_along_without_being_copied() -> None:
    kept = Kept()
    made, _, _ = capture(kept)
    made.keep(RECORD)
    assert kept.all[0].never is NEVER


def test_every_provider_key_of_the_settings_is_a_secret_and_read_once() -> None:
    snapshot = world.snapshot(
        providers={
            "openai": {"api_key": "sk-of-openai"},
            "aws-bedrock": {
                "region": "us-east-1",
                "auth": {
                    "type": "aws",
                    "region": "us-east-1",
                    "access_key_id": "AKIA-of-amazon",
                    "secret_access_key": "of-amazon",
                },
            },
        }
    )
    snapshot.issued.others = ("the-administrator's-token",)
    ours = {b"the-administrator's-token", world.KEY.encode()}
    assert secrets_of(snapshot) == {b"sk-of-openai", b"of-amazon"} | ours
    assert secrets_of(snapshot) is secrets_of(snapshot)


def test_keys_of_callers_that_the_settings_have_are_secrets_too() -> None:
    snapshot = world.snapshot(providers={}, keys=[{"name": "bob", "secret": "bob-has-a-key-of-his-own"}])
    assert secrets_of(snapshot) == {b"bob-has-a-key-of-his-own"}
    assert "bob-has" not in repr(snapshot.key_secrets)


def test_records_are_painted_by_the_secrets_of_the_settings_in_force() -> None:
    snapshot = world.snapshot(keys=[{"name": "bob", "secret": "bob-has-a-key-of-his-own"}])
    painter = painter_of(snapshot)
    assert painter is painter_of(snapshot)
    assert painter.text("/v1/bob-has-a-key-of-his-own") == "/v1/" + "*" * 24


async def test_where_nothing_was_said_nothing_is_kept() -> None:
    kept = Kept()
    made, caller, _ = capture(kept, asked=b"")
    await caller.pass_on(b"", more=False)
    made.keep(RECORD)
    assert (kept.all, kept.dropped) == ([], 0)
