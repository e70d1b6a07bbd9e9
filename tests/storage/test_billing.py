"""What is asked of a store about statements: why a credit was booked is kept as JSON."""

import msgspec

from tollway.storage.billing import Why


def test_why_a_credit_was_booked_is_kept_as_it_was_said() -> None:
    why = Why(word='Outage: "agreed", #1', by="ada@example.com")
    assert msgspec.json.decode(msgspec.json.encode(why), type=Why) == why
