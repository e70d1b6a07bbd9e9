"""What is to be changed in a body before it is sent on: told as a value, so that whoever has the time can do it."""

import msgspec

from tollway.providers.openai_chat import Chat
from tollway.providers.registry import codec_for
from tollway.providers.splice import spliced
from tollway.request import Api, Ask

# OpenAI's own API takes a cap as `max_completion_tokens`; most servers that speak it know `max_tokens` only.
_COMPATIBLE_CHAT = Chat(cap_field="max_tokens")


class Rewrite(msgspec.Struct, frozen=True, kw_only=True):
    """The model's name, the output cap, the wish for a usage chunk, or for a stream; `None` and `False` leave it as it is."""

    api: Api
    ask: Ask
    """What was read from the body that is to be changed."""
    model: str | None
    cap: int | None
    include_usage: bool
    cap_field: str
    """The name of the cap in OpenAI's chat API, as the provider knows it."""
    stream: bool = False
    """Ask for a stream where the caller asked for a whole answer (`gathered_request.py`)."""


def written(body: bytes, rewrite: Rewrite) -> bytes:
    """`body` with what must change changed, and every other value as it was written."""
    codec = codec_for(rewrite.api)
    if rewrite.api == "openai.chat" and rewrite.cap_field == "max_tokens":
        codec = _COMPATIBLE_CHAT
    body = codec.write_body(
        body, rewrite.ask, model=rewrite.model, cap=rewrite.cap, include_usage=rewrite.include_usage
    )
    # Google's wish to stream stands in the path.
    return spliced(body, {"stream": True}) if rewrite.stream and rewrite.api != "google.generate" else body
