"""What was issued opens until it is taken out."""

from tollway.identity.issued import Issued
from tollway.identity.keys import Key


def test_a_name_finds_the_newest_of_its_secrets() -> None:
    issued = Issued()
    issued.put(Key(name="a", digest=b"1", expires_at=5), Key(name="a", digest=b"2"), Key(name="b", digest=b"3"))
    found = issued.named("a")
    assert found is not None and found.digest == b"2" and issued.named("c") is None
    assert {key.digest for key in issued.all()} == {b"1", b"2", b"3"}


def test_what_was_issued_opens_until_it_is_dropped() -> None:
    issued, key = Issued(), Key(name="a", digest=b"1")
    assert issued.get(b"1") is None
    issued.put(key, Key(name="b", digest=b"2"))
    assert issued.get(b"1") is key and len(issued) == 2
    newer = Key(name="a", digest=b"1", enabled=False)
    issued.put(newer)
    assert issued.get(b"1") is newer
    issued.drop(b"1", b"3")
    assert issued.get(b"1") is None and len(issued) == 1
