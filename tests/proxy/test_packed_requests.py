import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.batches import Request
from tollway.proxy.packed_requests import PackedRequests
from tollway.request import Ask


def packed(*parts: list[Request]) -> PackedRequests:
    written = [msgspec.msgpack.encode(part) for part in parts]
    return PackedRequests(b"".join(written), tuple(map(len, written)), sum(map(len, parts)))


def request(size: int) -> Request:
    return Request(Ask(model="m", max_output_tokens=size % 7), size)


@given(st.lists(st.lists(st.integers(0, 10**9), max_size=5), max_size=5))
def test_they_are_the_ones_that_were_packed_whenever_they_are_gone_through(sizes: list[list[int]]) -> None:
    parts = [[request(size) for size in part] for part in sizes]
    found = packed(*parts)
    for _ in range(2):
        assert list(found) == [one for part in parts for one in part]
    assert len(found) == sum(map(len, parts))


def test_one_is_among_them_or_is_not() -> None:
    found = packed([request(1)], [request(2)])
    assert request(2) in found and request(3) not in found


def test_what_are_no_requests_is_an_error_when_it_is_come_to() -> None:
    found = PackedRequests(b"\xc1", (1,), 1)
    with pytest.raises(msgspec.DecodeError):
        list(found)
