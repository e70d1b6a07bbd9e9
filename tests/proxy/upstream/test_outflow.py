"""A long request goes out in pieces, one in each turn of the loop, and no faster than it is taken."""

import asyncio
from typing import Any

import pytest

from tollway.proxy.upstream.outflow import PIECE_BYTES, Outflow

BODY = bytes(range(256)) * (5 * PIECE_BYTES // 512)
"""Two and a half pieces."""


class Wire:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing


class Setup:
    def __init__(self) -> None:
        self.wire: Any = Wire()
        self.sent = 0
        self.flow = Outflow(asyncio.get_running_loop(), self.note)

    def note(self) -> None:
        self.sent += 1


@pytest.mark.parametrize("body", [b"", b"x", b"x" * PIECE_BYTES])
async def test_a_short_request_is_written_at_once(body: bytes) -> None:
    setup = Setup()
    setup.flow.write(setup.wire, b"HEAD", body)
    assert setup.wire.written == [b"HEAD" + body] and not setup.flow.unsent


async def test_a_long_one_is_written_a_piece_in_each_turn() -> None:
    setup = Setup()
    setup.flow.write(setup.wire, b"HEAD", BODY)
    counts = [len(setup.wire.written)]
    while setup.flow.unsent:
        assert setup.sent == 0
        await asyncio.sleep(0)
        counts.append(len(setup.wire.written))
    assert counts == [1, 2, 3] and setup.sent == 1
    assert b"".join(setup.wire.written) == b"HEAD" + BODY


async def test_a_full_transport_is_given_nothing_until_it_is_empty() -> None:
    setup = Setup()
    setup.flow.write(setup.wire, b"", BODY)
    setup.flow.pause()
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(setup.wire.written) == 1 and setup.flow.unsent
    setup.flow.resume()
    setup.flow.pause()
    setup.flow.resume()
    await asyncio.sleep(0)
    assert len(setup.wire.written) == 2
    await asyncio.sleep(0)
    assert b"".join(setup.wire.written) == BODY and not setup.flow.unsent


async def test_it_is_unsent_while_the_kernel_lacks_the_last_piece() -> None:
    setup = Setup()
    setup.flow.write(setup.wire, b"", b"x")
    setup.flow.pause()
    assert setup.flow.unsent and setup.sent == 0
    setup.flow.resume()
    assert not setup.flow.unsent and setup.sent == 1


@pytest.mark.parametrize("closed", [True, False])
async def test_nothing_more_is_written_once_it_has_ended(closed: bool) -> None:
    setup = Setup()
    setup.flow.write(setup.wire, b"", BODY)
    if closed:
        setup.wire.closing = True
    else:
        setup.flow.end()
    await asyncio.sleep(0)
    assert len(setup.wire.written) == 1 and setup.sent == 0
