"""A line of the audit log, as it is made and as it is read."""

import msgspec
import pytest

from tollway.ledger.change import Change, Recorded


def test_a_change_needs_a_time_a_person_an_action_and_a_target_and_nothing_more() -> None:
    change = Change(at=1, by="alice", action="account.frozen", target="a")
    assert (change.before, change.after, change.reason) == (None, None, "")
    with pytest.raises(msgspec.ValidationError, match="target"):
        msgspec.convert({"at": 1, "by": "alice", "action": "account.frozen"}, Change)


def test_a_recorded_change_comes_back_the_same_and_cannot_be_altered() -> None:
    line = Recorded(1, Change(at=1, by="alice", action="account.frozen", target="a", after="{}"), "", "ab")
    assert msgspec.json.decode(msgspec.json.encode(line), type=Recorded) == line
    with pytest.raises(AttributeError):
        line.hash = ""  # type: ignore[misc]
