import json

import pytest

from tollway.providers.anthropic_batches import ENDPOINT
from tollway.providers.batch_results import Line, ResultLines, read_line, take_line
from tollway.providers.batches import Result

FAILED = {"custom_id": "a", "result": {"type": "expired"}}
OPENAI_FAILED = {"custom_id": "b", "response": {"status_code": 500, "body": {}}}


@pytest.mark.parametrize(
    ("endpoint", "line", "found"),
    [
        (ENDPOINT, FAILED, Line("a", Result(None))),
        ("/chat/completions", OPENAI_FAILED, Line("b", Result(None))),
        (ENDPOINT, {"custom_id": None}, Line(None, None)),
        ("/chat/completions", [], Line(None, None)),
    ],
)
def test_a_line_says_of_which_request_it_is_and_what_became_of_it(endpoint: str, line: object, found: Line) -> None:
    assert read_line(endpoint, json.dumps(line).encode()) == found


def test_the_reader_keeps_lines_in_their_order_and_reports_nothing() -> None:
    reader = ResultLines(ENDPOINT)
    assert take_line(reader, b" " + json.dumps(FAILED).encode() + b"\r")
    assert not take_line(reader, b" \r")
    assert reader.found == [Line("a", Result(None))]
    assert reader.report().usage is None
