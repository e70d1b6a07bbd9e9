"""A stream on its way to the caller: in its own words, and taken down where it is to be kept."""

from hypothesis import given
from hypothesis import strategies as st

from tollway.cache.entry import Tape
from tollway.proxy.shaped import Shaped
from tollway.translate.codec import Translating


class Loud(Translating):
    """Puts a stream into capitals, and ends one that is complete."""

    def feed(self, piece: bytes) -> bytes:
        return piece.upper()

    def finish(self, complete: bool) -> bytes:
        return b"END" if complete else b""


@given(st.lists(st.binary(max_size=20), max_size=8), st.binary(max_size=9), st.booleans())
def test_what_is_taken_down_is_what_the_caller_was_sent(pieces: list[bytes], rest: bytes, complete: bool) -> None:
    tape = Tape(10**6)
    shaped = Shaped(Loud(), tape)
    sent = [shaped.shown(piece) for piece in pieces] + [shaped.last(rest, complete=complete)]
    assert tape.whole and tape.body == b"".join(sent)
    assert tape.body == b"".join([*pieces, rest]).upper() + (b"END" if complete else b"")
    assert sum(tape.chunks) == len(tape.body)


def test_without_a_translation_the_bytes_are_the_providers() -> None:
    tape = Tape(10)
    shaped = Shaped(None, tape)
    assert shaped.shown(b"abc") == b"abc" and shaped.last(b"d", complete=False) == b"d"
    assert tape.body == b"abcd"


def test_what_is_longer_than_the_tape_still_reaches_the_caller() -> None:
    tape = Tape(3)
    shaped = Shaped(Loud(), tape)
    assert shaped.shown(b"abcd") == b"ABCD" and not tape.whole


def test_without_a_tape_nothing_is_taken_down() -> None:
    assert Shaped(Loud(), None).last(b"a", complete=True) == b"AEND"
