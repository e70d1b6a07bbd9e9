"""Keys of requests that are repeated on purpose, and what their repeats are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.cache.idempotency import Lost, Mismatch, Wait, fingerprint, read_key, refusal_of, repeat_key
from tollway.cache.rules import Refused
from tollway.errors import REASONS
from tollway.identity.identity import ANONYMOUS, Identity

ALICE = Identity(kind="user", user="alice", key="a")


def test_a_key_is_read_as_it_stands_or_out_of_its_quotes() -> None:
    assert read_key("8e03978e-40d5-43dd-bc93-6894a57f9324") == "8e03978e-40d5-43dd-bc93-6894a57f9324"
    assert read_key(' "abc" ') == "abc"
    assert read_key("x" * 255) == "x" * 255


@pytest.mark.parametrize("sent", ["", "  ", '""', "x" * 256, "tab\there", "naïve"])
def test_a_key_that_cannot_be_one_is_refused(sent: str) -> None:
    found = read_key(sent)
    assert isinstance(found, Refused) and found.code == "idempotency_invalid" and found.code in REASONS
    assert "send 1 to 255 printable ASCII characters" in found.message


def test_a_key_is_its_callers_alone() -> None:
    found = {
        repeat_key("default", ALICE, "k"),
        repeat_key("default", Identity(kind="user", user="bob"), "k"),
        repeat_key("default", ANONYMOUS, "k"),
        repeat_key("default", ANONYMOUS, "k", brought=("digest",)),
        repeat_key("other", ALICE, "k"),
        repeat_key("default", ALICE, "k2"),
    }
    assert len(found) == 6
    assert repeat_key("default", Identity(kind="user", user="alice", key="b"), "k") in found


@given(
    st.lists(
        st.tuples(st.text(max_size=4), st.text(max_size=4), st.binary(max_size=4), st.binary(max_size=4)), max_size=4
    )
)
def test_only_the_same_request_has_the_same_fingerprint(requests: list[tuple[str, str, bytes, bytes]]) -> None:
    assert len({fingerprint(*each) for each in requests}) == len(set(requests))


@pytest.mark.parametrize(
    ("begun", "code", "said"),
    [
        (Wait(), "idempotency_in_progress", "still under way"),
        (Mismatch(), "idempotency_mismatch", "belongs to another request"),
        (Lost(), "idempotency_interrupted", "ended before its answer was whole; the provider may have billed it"),
        (Lost("not_kept"), "idempotency_interrupted", "too large to be kept"),
    ],
)
def test_a_repeat_that_cannot_be_answered_is_told_why_and_the_way_out(
    begun: Wait | Mismatch | Lost, code: str, said: str
) -> None:
    refusal = refusal_of(begun, "k" * 200)
    assert (refusal.code, said in refusal.message) == (code, True)
    assert code in REASONS and REASONS[code].retry == (refusal.retry_after_s is not None)
    assert len(refusal.message) < 400
