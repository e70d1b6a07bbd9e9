"""What the log keeps of a request's bodies, for collectors that are told of it. Asked only where both are switched on."""

from collections.abc import Awaitable, Callable

from tollway.errors import StoreUnavailable
from tollway.logs.bodies import KeptBody
from tollway.storage.bodies import BodyStore
from tollway.telemetry.spans import LONGEST_CONTENT, NO_CONTENT, Content


def content_reader(bodies: BodyStore) -> Callable[[str], Awaitable[Content]]:
    """Reads prompt and completion by the id of their request; nothing where nothing is kept."""

    async def read(request_id: str) -> Content:
        try:
            await bodies.flush()
            return Content(
                _text(await bodies.body(request_id, "asked")), _text(await bodies.body(request_id, "returned"))
            )
        except StoreUnavailable:
            return NO_CONTENT

    return read


def _text(kept: KeptBody | None) -> str | None:
    if kept is None or not kept.content:
        return None
    # A character has four bytes at most.
    text = kept.content[: 4 * LONGEST_CONTENT].decode("utf-8", "replace")
    return text[:LONGEST_CONTENT]
