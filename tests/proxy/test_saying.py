"""A whole body is sent in pieces, and comes out the same."""

from typing import Any

import pytest

from tollway.proxy.saying import PIECE_BYTES, pass_on, say
from tollway.proxy.turn import Turn


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES, 5 * PIECE_BYTES // 2])
async def test_a_body_is_sent_whole_in_pieces_of_which_only_the_last_ends_it(size: int) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    body = bytes(n % 251 for n in range(size))
    await say(send, body, Turn())
    assert b"".join(message["body"] for message in sent) == body
    assert [message["more_body"] for message in sent] == [True] * (len(sent) - 1) + [False]
    assert all(len(message["body"]) <= PIECE_BYTES for message in sent) and len(sent) <= size // PIECE_BYTES + 1


async def test_many_bytes_of_a_body_that_goes_on_are_passed_on_in_pieces() -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    body = bytes(range(256)) * 2_048
    await pass_on(send, body, Turn())
    await pass_on(send, b"short", Turn())
    assert max(len(message["body"]) for message in sent) == PIECE_BYTES
    assert b"".join(message["body"] for message in sent) == body + b"short"
    assert all(message["more_body"] for message in sent)
