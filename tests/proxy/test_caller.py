"""The caller's end of an exchange."""

import asyncio
from typing import Any

import pytest

from tollway.exchange.steps import Send
from tollway.proxy.caller import Caller
from tollway.proxy.turn import Turn


class Connection:
    """A listener's connection, and its cycle, in one."""

    def __init__(self, *, replies: bool = False) -> None:
        self.on_gone: Any = None
        self.replied: list[tuple[int, bytes]] = []
        self._replies = replies
        self.task = self
        self.flow = self
        self.write_paused = False
        self.cancelled = 0

    def reply(self, cycle: Any, status: int, headers: Any, body: bytes) -> bool:
        if self._replies:
            self.replied.append((status, body))
        return self._replies

    def cancel(self) -> None:
        self.cancelled += 1

    def uncancel(self) -> None:
        self.cancelled -= 1


def caller(connection: Connection | None = None, *, stays: bool = False) -> tuple[Caller, list[Any]]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    return Caller(send, connection, connection, stays=stays), sent


ANSWER = Send(200, ((b"content-type", b"text/plain"),), b"hello")


async def test_a_whole_answer_is_written_at_once_where_the_connection_can() -> None:
    connection = Connection(replies=True)
    one, sent = caller(connection)
    await one.answer(ANSWER, Turn())
    assert connection.replied == [(200, b"hello")] and sent == [] and one.started


@pytest.mark.parametrize("connection", [None, Connection()])
async def test_a_whole_answer_is_sent_with_its_length_elsewhere(connection: Connection | None) -> None:
    one, sent = caller(connection)
    await one.answer(ANSWER, Turn())
    assert (b"content-length", b"5") in sent[0]["headers"]
    assert b"".join(message["body"] for message in sent[1:]) == b"hello" and not sent[-1].get("more_body")


async def test_nobody_is_answered_who_has_left() -> None:
    connection = Connection()
    one, sent = caller(connection)
    one.watch()
    connection.on_gone()
    await one.answer(ANSWER, Turn())
    assert one.gone and sent == [] and not one.started


@pytest.mark.parametrize(("interruptible", "stays", "woken"), [(True, False, 1), (False, False, 0), (True, True, 0)])
async def test_leaving_wakes_an_exchange_that_waits_for_what_may_be_given_up(
    interruptible: bool, stays: bool, woken: int
) -> None:
    connection = Connection()
    one, _ = caller(connection, stays=stays)
    one.interruptible = interruptible
    one.watch()
    connection.on_gone()
    assert connection.cancelled == woken


def test_waking_is_taken_back_by_whoever_was_woken() -> None:
    connection = Connection()
    one, _ = caller(connection)
    one.interrupt()
    assert connection.cancelled == 0
    one.interruptible = True
    one.interrupt()
    one.resume()
    assert connection.cancelled == 0


def test_it_is_slow_while_its_connection_takes_no_more() -> None:
    connection = Connection()
    one, _ = caller(connection)
    assert not one.slow
    connection.write_paused = True
    assert one.slow and not caller()[0].slow


def test_nobody_is_told_of_a_caller_that_was_let_go() -> None:
    connection = Connection()
    one, _ = caller(connection)
    one.watch()
    one.let_go()
    assert connection.on_gone is None


async def test_a_piece_is_passed_on() -> None:
    one, sent = caller()
    await one.start(200, ())
    await one.pass_on(b"x", more=True)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert one.started and asyncio.get_running_loop() is not None
