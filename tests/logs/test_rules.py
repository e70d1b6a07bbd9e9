import pytest

from tollway.logs.rules import Logs, Wanted, wanted
from tollway.request import NO_HANDLING, Handling

NOT_AT_ALL = Handling(collect_log=False)
WITHOUT = Handling(collect_payload=False)
WITH = Handling(collect_payload=True)
KEPT = Handling(collect_log=True)


def test_a_gateway_that_says_nothing_keeps_a_record_and_no_bodies() -> None:
    assert wanted(None, NO_HANDLING) == Wanted(record=True, bodies=False, strangers=True)


@pytest.mark.parametrize(
    ("logs", "handling", "record", "bodies"),
    [
        (None, NOT_AT_ALL, False, False),
        (None, WITH, True, False),
        (Logs(payload=True), NO_HANDLING, True, True),
        (Logs(payload=True), WITHOUT, True, False),
        (Logs(payload=True), NOT_AT_ALL, False, False),
        (Logs(payload=True), Handling(collect_log=False, collect_payload=True), False, False),
        (Logs(by_headers="more"), WITH, True, True),
        (Logs(by_headers="more"), WITHOUT, True, False),
        (Logs(collect=False), KEPT, False, False),
        (Logs(collect=False, by_headers="more"), KEPT, True, False),
        (Logs(collect=False, by_headers="more"), WITH, False, False),
        (Logs(collect=False, payload=True, by_headers="more"), KEPT, True, True),
        (Logs(payload=True, by_headers="none"), NOT_AT_ALL, True, True),
        (Logs(by_headers="none"), WITH, True, False),
    ],
)
def test_a_header_asks_for_less_and_for_more_only_where_the_gateway_lets_it(
    logs: Logs | None, handling: Handling, record: bool, bodies: bool
) -> None:
    assert wanted(logs, handling)[:2] == (record, bodies)


def test_what_strangers_do_is_kept_whatever_their_headers_say() -> None:
    assert wanted(None, NOT_AT_ALL).strangers
    assert not wanted(Logs(collect=False), NOT_AT_ALL).strangers
