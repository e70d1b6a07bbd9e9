"""What is kept of a job is read back as it was, also what an older process wrote."""

import msgspec

from tollway.workers.exporting_state import Run, State


def test_a_state_and_runs_survive_the_cabinet() -> None:
    state = State(what="logs", cursor=7, planned=9, failures=2, error="no room")
    assert msgspec.json.decode(msgspec.json.encode(state), type=State) == state
    runs = [Run(started_at=1, by="schedule", ok=True, rows=3)]
    assert msgspec.json.decode(msgspec.json.encode(runs), type=list[Run]) == runs


def test_what_a_newer_process_knows_besides_is_no_hindrance() -> None:
    assert msgspec.json.decode(b'{"what": "focus", "cursor": 1, "colour": "red"}', type=State).source == "entries"
