import os
import pickle

import pytest

from tollway.providers.openai_stream import ChatReader
from tollway.proxy.apart import LARGE_BYTES, put_together, taken_apart


def test_what_is_large_stands_beside_the_pickle_once() -> None:
    large, small = b"x" * (LARGE_BYTES + 1), b"y" * LARGE_BYTES
    pickled, beside = taken_apart([large, small, ("kind", large)])
    assert beside == [large] and len(pickled) < LARGE_BYTES + 1_000
    found = put_together(pickled, beside)
    assert found == [large, small, ("kind", large)]
    assert found[0] is found[2][1]


def test_a_reader_is_the_same_on_the_other_side() -> None:
    reader = ChatReader()
    reader.event(b'{"id":"a","model":"m","choices":[],"x":"%s"}' % (b"x" * LARGE_BYTES))
    again = put_together(*taken_apart(reader))
    assert again.report() == reader.report() and again.report().response_id == "a"


def test_nothing_but_readers_is_unpickled() -> None:
    with pytest.raises(EOFError, match=r"posix\.system is no reader|nt\.system is no reader"):
        put_together(pickle.dumps(os.system), [])
