"""The guard alone, before an application that answers everything."""

import hmac
from types import SimpleNamespace
from typing import Any

import pytest

from tollway.admin.guard import EXPLAIN, LARGEST_BODY, LARGEST_ELSEWHERE, OPEN, Guard
from tollway.admin.sessions import Sessions
from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.identity.attempts import Attempts
from tollway.identity.roles import Administration
from tollway.storage.memory import MemoryCabinet

TOKEN = "the-administrators-token"


class Runtime:
    def __init__(self) -> None:
        self.clock = Clock()
        self.attempts = Attempts()
        self.snapshot = SimpleNamespace(administration=Administration(), issuers=(), login=None)

    def is_admin(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), TOKEN.encode())


class Behind:
    """Answers whatever it is asked, and notes the body it was given."""

    def __init__(self, error: Exception | None = None) -> None:
        self.bodies: list[bytes] = []
        self._error = error

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._error is not None:
            raise self._error
        message = await receive()
        assert message["more_body"] is False
        self.bodies.append(message["body"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def ask(
    behind: Behind, path: str = "/api/v1/status", *headers: tuple[bytes, bytes], pieces: tuple[bytes, ...] = (b"",)
) -> tuple[int | None, int]:
    """The status answered, and how many pieces of the body were read."""
    messages = [{"type": "http.request", "body": p, "more_body": n + 1 < len(pieces)} for n, p in enumerate(pieces)]
    read = 0
    statuses: list[int] = []

    async def receive() -> Any:
        nonlocal read
        read += 1
        return messages[read - 1] if read <= len(messages) else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {"type": "http", "method": "POST", "path": path, "headers": list(headers)}
    sessions = Sessions(MemoryCabinet(), lambda: b"pepper")
    await Guard(behind, Runtime(), sessions)(scope, receive, send)  # type: ignore[arg-type]
    assert len(statuses) <= 1
    return (statuses[0] if statuses else None), read


AUTHORIZED = (b"authorization", f"Bearer {TOKEN}".encode())


@pytest.mark.parametrize(
    "given",
    [
        (),
        ((b"authorization", b""),),
        ((b"authorization", b"Basic x"),),
        ((b"authorization", TOKEN.encode()),),
        (AUTHORIZED,) * 2,
    ],
)
async def test_no_body_is_read_before_the_token_is_right(given: tuple[tuple[bytes, bytes], ...]) -> None:
    behind = Behind()
    assert await ask(behind, "/api/v1/explain", *given, pieces=(b"x" * 100,)) == (401, 0)
    assert behind.bodies == []


async def test_a_body_in_pieces_is_handed_on_whole() -> None:
    behind = Behind()
    assert (await ask(behind, "/", AUTHORIZED, pieces=(b"a", b"b", b"")))[0] == 204
    assert behind.bodies == [b"ab"]


async def test_a_body_that_grows_too_large_is_cut_off() -> None:
    behind = Behind()
    half = b"x" * (LARGEST_BODY // 2 + 1)
    assert await ask(behind, EXPLAIN, AUTHORIZED, pieces=(half, half, half)) == (413, 2)
    assert behind.bodies == []


async def test_a_caller_who_leaves_is_not_answered() -> None:
    assert (await ask(Behind(), "/", AUTHORIZED, pieces=()))[0] is None


async def test_only_what_is_listed_is_open() -> None:
    for path in OPEN:
        assert (await ask(Behind(), path))[0] == 204
        for near in (f"{path}/", f"/{path}", path.upper(), f"{path}x"):
            assert (await ask(Behind(), near))[0] == 401


async def test_a_defect_behind_it_is_a_500() -> None:
    assert (await ask(Behind(ZeroDivisionError()), "/", AUTHORIZED))[0] == 500


async def test_a_store_that_cannot_be_read_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(*_: object) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(Sessions, "find", down)
    behind = Behind()
    assert (await ask(behind, "/api/v1/status", (b"cookie", b"tollway-session=x")))[0] == 503
    assert behind.bodies == []


async def test_only_a_request_to_be_explained_may_be_very_large() -> None:
    body = b"x" * (LARGEST_ELSEWHERE + 1)
    assert (await ask(Behind(), "/", AUTHORIZED, pieces=(body,)))[0] == 413
    assert (await ask(Behind(), EXPLAIN, AUTHORIZED, pieces=(body, b"")))[0] == 204
