"""The lines of a batch's results, whichever API they are of, and the reader of those that take long to read."""

from typing import NamedTuple

from tollway.providers import anthropic_batches, openai_batches
from tollway.providers.answer import text, values
from tollway.providers.batches import Result
from tollway.usage import Report


class Line(NamedTuple):
    """What one line says."""

    custom_id: str | None
    result: Result | None
    """`None` where it cannot be read."""


class ResultLines:
    """Keeps what lines say for whoever adds them up (the reader of a `Patient` meter)."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.found: list[Line] = []

    def report(self) -> Report:
        """Nothing: what results cost was spent by another request."""
        return Report()


def read_line(endpoint: str, line: bytes) -> Line:
    """What a line of results of a batch for `endpoint` says."""
    if endpoint == anthropic_batches.ENDPOINT:
        result = anthropic_batches.read_result(line)
    else:
        result = openai_batches.read_result(line, endpoint)
    return Line(text(values(line).get("custom_id")), result)


def take_line(reader: ResultLines, line: bytes) -> bool:
    """Lets `reader` take a line in; False where there is nothing in it."""
    line = line.strip()
    if line:
        reader.found.append(read_line(reader.endpoint, line))
    return bool(line)
