from hypothesis import given
from hypothesis import strategies as st

from tollway.proxy.gathering import Gathering, with_room
from tollway.proxy.turn import Turn


@given(st.lists(st.integers(0, 400_000), max_size=8), st.integers(0, 3_000_000))
async def test_what_comes_in_pieces_is_whole_whatever_length_was_expected(sizes: list[int], expected: int) -> None:
    gathering = Gathering(Turn(), expected)
    pieces = [bytes([number + 65]) * size for number, size in enumerate(sizes)]
    for piece in pieces:
        await gathering.add(piece)
    assert gathering.size == sum(sizes)
    assert gathering.whole() == b"".join(pieces)


def test_a_place_that_is_filled_gives_back_what_was_written() -> None:
    place = with_room(6)
    place.write(b"abc")
    place.write(b"def")
    assert place.getvalue() == b"abcdef"
