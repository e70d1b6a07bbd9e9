import msgspec

from tollway.errors import REASONS
from tollway.logs.record import Decision, Durations, LogRecord


def test_what_tollway_took_is_the_whole_without_the_provider() -> None:
    assert Durations(total_us=100, upstream_us=90).overhead_us == 10
    assert Durations(total_us=100).overhead_us == 100


def test_waiting_is_nobodys_work() -> None:
    assert Durations(total_us=100, upstream_us=60, waited_us=30).overhead_us == 10
    # Clocks are read one after the other.
    assert Durations(total_us=100, upstream_us=71, waited_us=30).overhead_us == 0


def test_a_record_has_no_place_for_a_secret_or_a_body() -> None:
    assert not {"body", "headers", "credentials", "query", "messages"} & set(LogRecord.__struct_fields__)


def test_a_record_survives_being_written_and_read() -> None:
    record = LogRecord(
        request_id="r", at=1, gateway="g", method="POST", path="/", api="", status=429, code=next(iter(REASONS)),
        decisions=(Decision(step="read", outcome="deny"),), durations=Durations(total_us=3),
    )  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(record), type=LogRecord) == record
