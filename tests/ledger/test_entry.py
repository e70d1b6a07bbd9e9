from itertools import product
from typing import get_args

import msgspec

from tollway.ledger.entry import Context, Kind, entry_id


def test_writing_an_entry_twice_is_writing_one_id() -> None:
    assert entry_id("r", 1, "charge") == entry_id("r", 1, "charge") == "r.1.charge"


def test_no_two_entries_of_a_request_share_an_id() -> None:
    made = [
        entry_id("r", attempt, kind, number) for attempt, kind, number in product((1, 2, 11), get_args(Kind), (0, 1, 2))
    ]
    assert len(set(made)) == len(made)


def test_a_context_survives_the_journey_through_a_reservation() -> None:
    context = Context(gateway="g", provider="p", model="m", user="u", groups=("a",), metadata={"team": "ml"})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(context), type=Context) == context
