import uuid

from hypothesis import given
from hypothesis import strategies as st

from tollway.ids import Ids, RandomPool, made_at

MILLISECONDS = st.integers(0, 2**48 - 1)


@given(MILLISECONDS, st.binary(min_size=10, max_size=10))
def test_an_id_is_a_lower_case_uuid_of_version_7(now: int, random: bytes) -> None:
    made = Ids(lambda count: random[:count]).new(now)
    parsed = uuid.UUID(made)
    assert str(parsed) == made
    assert parsed.version == 7 and parsed.variant == uuid.RFC_4122


@given(MILLISECONDS, st.binary(min_size=10, max_size=10))
def test_an_id_tells_when_it_was_made(now: int, random: bytes) -> None:
    assert made_at(Ids(lambda _: random).new(now)) == now


@given(MILLISECONDS, MILLISECONDS, st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_ids_sort_as_their_milliseconds_do(one: int, other: int, first: bytes, second: bytes) -> None:
    if one < other:
        assert Ids(lambda _: first).new(one) < Ids(lambda _: second).new(other)


@given(st.lists(st.binary(min_size=10, max_size=10), min_size=2, max_size=2, unique=True))
def test_randomness_is_used_but_for_six_bits(pair: list[bytes]) -> None:
    one, other = (int.from_bytes(Ids(lambda _, b=b: b).new(5).replace("-", "").encode(), "big") for b in pair)
    kept = (1 << 74) - 1
    assert (one != other) == ((int.from_bytes(pair[0], "big") ^ int.from_bytes(pair[1], "big")) & kept != 0)


@given(st.lists(st.integers(1, 32), max_size=60))
def test_a_pool_gives_every_byte_once_in_the_order_it_was_drawn(counts: list[int]) -> None:
    drawn: list[bytes] = []

    def source(count: int) -> bytes:
        drawn.append(bytes((len(drawn) * 7 + at) % 256 for at in range(count)))
        return drawn[-1]

    pool = RandomPool(source, size=32)
    given_out: list[bytes] = [pool.take(count) for count in counts]
    assert [len(piece) for piece in given_out] == counts
    whole = iter(drawn)
    current, at = next(whole), 0
    for piece in given_out:
        if at + len(piece) > 32:
            current, at = next(whole), 0
        assert piece == current[at : at + len(piece)]
        at += len(piece)
