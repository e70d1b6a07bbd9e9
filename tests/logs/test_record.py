from typing import Any

import msgspec
import pytest

from tollway.errors import REASONS
from tollway.logs.record import Attempt, Decision, Durations, LogRecord
from tollway.money import Money
from tollway.pricing.charge import Charge
from tollway.usage import Usage


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


UNKNOWN = Decision(step="settle", outcome="note", code="price_unknown")


@pytest.mark.parametrize(
    ("outcomes", "fields", "billing"),
    [
        (("rejected",), {"status": 500}, "not_billed"),
        (("rejected", "not_sent", "rejected"), {"status": 429}, "not_billed"),
        (("rejected",), {"usage": Usage(input_tokens=5)}, "unknown"),
        (("rejected",), {"decisions": (UNKNOWN,)}, "unknown"),
        (("rejected", "no_answer"), {}, "unknown"),
        (("rejected", "answered"), {}, "unknown"),
        (("client_gone",), {"status": 499}, "unknown"),
        ((), {"status": 429}, "not_sent"),
        (("downgraded", "not_sent"), {"status": 502}, "not_sent"),
        ((), {"cached": True}, "kept"),
        (("answered", "rejected"), {"charge": Charge(Money(1))}, "charged"),
    ],
)
def test_what_became_of_the_money_is_told_by_the_attempts(
    outcomes: tuple[str, ...], fields: dict[str, Any], billing: str
) -> None:
    attempts = tuple(Attempt(number=n, provider="p", model="m", outcome=o) for n, o in enumerate(outcomes, 1))
    known: dict[str, Any] = {"status": 200, "attempts": attempts, "durations": Durations(total_us=3)} | fields
    record = LogRecord(request_id="r", at=1, gateway="g", method="POST", path="/", api="", **known)
    assert record.billing == billing
