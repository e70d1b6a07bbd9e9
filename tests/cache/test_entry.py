"""Kept answers: they come back as they were, or not at all."""

from hypothesis import given
from hypothesis import strategies as st

from tollway.cache.entry import Kept, Tape, decoded, encoded, safe_headers
from tollway.usage import Usage

KEPT = Kept(
    status=200,
    headers=((b"content-type", b"text/event-stream"),),
    body=b"data: 1\n\ndata: [DONE]\n\n",
    streamed=True,
    chunks=(9, 14),
    gateway="default",
    provider="openai",
    model="gpt-4o-mini",
    usage=Usage(input_tokens=3, output_tokens=5),
    cost_nanodollars=4_200,
    request_id="0198",
    custom="mine",
    made_at=1,
    expires_at=2,
)


def test_an_entry_comes_back_as_it_was() -> None:
    assert decoded(encoded(KEPT)) == KEPT


def test_what_is_of_another_version_or_not_whole_is_not_read() -> None:
    written = encoded(KEPT)
    assert decoded(b"\x02" + written[1:]) is None
    for wrong in (b"", b"\x01", written[:-1], written[:40] + b"\x00" + written[41:]):
        assert decoded(wrong) is None


def test_a_stream_comes_in_the_pieces_it_was_sent_in() -> None:
    assert list(KEPT.pieces) == [b"data: 1\n\n", b"data: [DONE]\n\n"]


def test_a_whole_answer_comes_at_once() -> None:
    assert list(Kept(status=200, headers=(), body=b"{}", made_at=1, expires_at=2).pieces) == [b"{}"]


def test_only_what_is_of_the_answer_itself_is_given_to_another_caller() -> None:
    headers = (
        (b"Content-Type", b"application/json"),
        (b"set-cookie", b"session=1"),
        (b"x-request-id", b"req_1"),
        (b"x-ratelimit-remaining-tokens", b"5"),
        (b"openai-organization", b"org-1"),
        (b"content-encoding", b"gzip"),
        (b"retry-after", b"1"),
    )
    assert safe_headers(headers) == ((b"Content-Type", b"application/json"),)


def test_a_tape_lets_go_of_what_is_too_long() -> None:
    tape = Tape(4)
    tape.add(b"abcd")
    assert (tape.whole, tape.body) == (True, b"abcd")
    tape.add(b"e")
    assert (tape.whole, tape.body, tape.chunks) == (False, b"", ())
    tape.add(b"f")
    assert not tape.whole


@given(st.lists(st.binary(max_size=20)))
def test_a_stream_that_is_given_again_is_the_same_bytes_in_the_same_pieces(pieces: list[bytes]) -> None:
    tape = Tape(10_000)
    for piece in pieces:
        tape.add(piece)
    kept = Kept(status=200, headers=(), body=tape.body, streamed=True, chunks=tape.chunks, made_at=0, expires_at=1)
    again = decoded(encoded(kept))
    assert again is not None
    assert b"".join(again.pieces) == b"".join(pieces)
    if any(pieces):
        assert list(again.pieces) == [piece for piece in pieces if piece]


@given(st.binary(max_size=60))
def test_no_bytes_make_it_fail(written: bytes) -> None:
    assert decoded(written) is None or isinstance(decoded(written), Kept)
    assert decoded(b"\x01" + written) is None or isinstance(decoded(b"\x01" + written), Kept)
