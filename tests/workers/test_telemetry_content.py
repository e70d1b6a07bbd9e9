from typing import Any

from tollway.errors import StoreUnavailable
from tollway.logs.bodies import About, KeptBody
from tollway.telemetry.spans import LONGEST_CONTENT, NO_CONTENT, Content
from tollway.workers.telemetry_content import content_reader


class Bodies:
    def __init__(self, broken: bool = False, **kept: bytes) -> None:
        self.broken = broken
        self.kept = kept
        self.flushed = 0

    async def flush(self) -> None:
        self.flushed += 1

    async def body(self, request_id: str, part: Any) -> KeptBody | None:
        if self.broken:
            raise StoreUnavailable("away")
        content = self.kept.get(part)
        if content is None:
            return None
        return KeptBody(About(part=part, content_type="application/json", size=9, kept=len(content)), content)


async def test_what_is_kept_is_read_once_it_is_written() -> None:
    bodies = Bodies(asked=b'{"a": 1}', returned="ü".encode())
    assert await content_reader(bodies)("r") == Content('{"a": 1}', "ü")  # type: ignore[arg-type]
    assert bodies.flushed == 1


async def test_what_is_not_kept_is_not_told_and_what_is_long_is_cut() -> None:
    assert await content_reader(Bodies())("r") == NO_CONTENT  # type: ignore[arg-type]
    assert await content_reader(Bodies(asked=b""))("r") == NO_CONTENT  # type: ignore[arg-type]
    content = await content_reader(Bodies(returned=b"x" * 500_000 + b"\xff"))("r")  # type: ignore[arg-type]
    assert content.completion is not None and len(content.completion) == LONGEST_CONTENT


async def test_bodies_that_cannot_be_read_now_are_left_out() -> None:
    assert await content_reader(Bodies(broken=True))("r") == NO_CONTENT  # type: ignore[arg-type]
