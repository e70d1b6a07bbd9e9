"""What a provider API must tell Tollway: one codec an API, no sockets.

A codec reads the few request fields that decide cost, makes the few changes Tollway may make to a body, and reads usage
from an answer, whole or streamed. It never touches bytes it does not have to.
"""

from collections.abc import Iterable
from typing import Protocol, TypeAlias, final

import msgspec

from tollway.request import Api, Ask, Dialect
from tollway.usage import Report

Headers: TypeAlias = Iterable[tuple[bytes, bytes]]


@final
class Malformed(msgspec.Struct, frozen=True):
    """A body that this API would not take; `message` names what is wrong and where."""

    message: str


class Meter(Protocol):
    """Follows one streamed answer. Fed every chunk, in any cut; gives back what the caller is to see of it."""

    def feed(self, chunk: bytes) -> bytes:
        """The bytes to pass on now. Without stripping this is `chunk` itself, untouched and undelayed."""
        ...

    def finish(self) -> bytes:
        """The bytes still kept back when the stream has ended."""
        ...

    def report(self) -> Report:
        """What the stream has reported so far: the last usage wins."""
        ...

    @property
    def output_bytes(self) -> int:
        """UTF-8 bytes of generated text, reasoning and tool arguments seen so far: never fewer than the tokens they hold.

        A few bytes stand for the framing of each answer and tool call. Reasoning that is hidden counts where the stream
        carries it encrypted; OpenAI chat carries nothing of it. What has come of an event that is not whole counts by
        its length: the caller has it already, and a stream that breaks off there never says what it was.
        """
        ...

    @property
    def complete(self) -> bool:
        """The provider's own end of stream was seen (`[DONE]`, `message_stop`, a finish reason ...)."""
        ...


class Codec(Protocol):
    """One provider API."""

    api: Api
    dialect: Dialect

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost."""
        ...

    def write_path(self, path: str, model: str) -> str:
        """`path` with the model's upstream name in it, for APIs that name the model in the path."""
        ...

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with what must change changed: the model's name, the output cap, the wish for a usage chunk.

        `None` and `False` mean "leave it". All other values keep their bytes.
        """
        ...

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole (decompressed) answer reports, in its body or its headers (names in lower case).

        Never raises: an unreadable answer is an empty Report.
        """
        ...

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream; `strip_usage` takes the usage chunk out that the caller did not ask for."""
        ...
