"""What each API's module provides, and the table of them."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from tollway.translate.conversation import Request
from tollway.translate.told import Answer, Event, Failed


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A request in an API's own words."""

    body: dict[str, Any]
    lost: tuple[str, ...] = ()
    """What was not carried, by neutral names: "top_k", "seed"; reader's and writer's together."""


class StreamReader(Protocol):
    """Reads one stream of the API. Fed the parsed JSON of each event, whole."""

    def read(self, event: str, data: Mapping[str, Any]) -> Iterable[Event]:
        """`event`: the SSE event's name, or "" where the API sends none. What is not known is passed over."""
        ...

    def finish(self) -> Iterable[Event]:
        """The stream is over (OpenAI: after "[DONE]"), or has just stopped."""
        ...


class StreamWriter(Protocol):
    """Writes one stream of the API, as the bytes of SSE events."""

    def write(self, event: Event) -> bytes:
        """What the caller is sent for it; may be nothing."""
        ...

    def finish(self) -> bytes:
        """The end, as the API writes it; nothing where it was written already."""
        ...


class Codec(Protocol):
    """One API. Made for one request, so it may remember what it read."""

    def read_request(self, body: Mapping[str, Any], *, model: str | None, stream: bool) -> Request:
        """`model`, `stream`: what the path says, where the API has it there (Gemini). Raises Untranslatable."""
        ...

    def write_request(self, request: Request, *, max_tokens: int | None) -> Written:
        """`max_tokens`: what to ask for where the API must have a cap and the caller named none. Raises Untranslatable."""
        ...

    def read_answer(self, body: Mapping[str, Any]) -> Answer: ...

    def write_answer(self, answer: Answer, request: Request) -> dict[str, Any]:
        """`request`: what the caller asked, which some answers repeat."""
        ...

    def read_error(self, status: int, body: Mapping[str, Any]) -> Failed: ...

    def write_error(self, failed: Failed) -> dict[str, Any]: ...

    def stream_reader(self) -> StreamReader: ...

    def stream_writer(self, request: Request) -> StreamWriter: ...


class Translating(Protocol):
    """Puts a stream into the words of another API."""

    failed: bool
    """It had an error in it, or was no stream of that API."""

    def whole(self, piece: bytes) -> list[bytes]:
        """The events that the next bytes of the provider's stream make whole, each for `worded`."""
        ...

    def worded(self, event: bytes) -> bytes:
        """What the caller is sent for one of them; may be nothing."""
        ...

    def finish(self, complete: bool) -> bytes:
        """What is left to send. `complete`: the provider's stream came to its end; else no end is made up."""
        ...


class Told(msgspec.Struct, frozen=True):
    """A whole answer in the words of the caller's API."""

    body: bytes
    failed: Failed | None = None
    """The error that it is."""


class Answering(Protocol):
    """Puts the answers of a provider into the words of the caller's API."""

    def told(self, status: int, body: bytes) -> Told:
        """A whole answer, or the error that it is, whatever its status says."""
        ...

    def stream(self) -> Translating: ...
