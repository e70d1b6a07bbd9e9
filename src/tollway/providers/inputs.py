"""What a request's input is made of, as far as it decides whether the body's length bounds the tokens."""

import re
from typing import cast

import msgspec

from tollway.providers.counts import decoded

FRAMING_TOKENS = 8
"""The tokens that the estimate allows for each message (the money protocol, 2.4)."""

_TOOLS_PROMPT_TOKENS = 1024
"""A generous bound of the instructions that a provider puts before the tools of a request. Recorded answers show 570 on
Groq's Llama 4 and 350 on Anthropic; OpenAI and Google add few."""

_DATED = re.compile(r"_(?:preview_)?(?:\d{8}|\d{4}_\d{2}_\d{2})$")


class Inputs:
    """Collects, over one request, what an `Ask` says of its input."""

    __slots__ = ("long_cache", "media_parts", "messages", "paid_tools", "unbounded")

    def __init__(self) -> None:
        self.unbounded: str | None = None
        self.media_parts = 0
        self.messages = 0
        self.paid_tools: list[str] = []
        self.long_cache = False

    def unsized(self, what: str) -> None:
        """Notes a part whose size the body does not show; the first one gives the reason its name."""
        if self.unbounded is None:
            self.unbounded = what

    def paid(self, tool: str) -> None:
        """Notes a tool that the provider runs, bills apart, and feeds the results of into the prompt."""
        if tool not in self.paid_tools:
            self.paid_tools.append(tool)
        self.unsized(tool)

    def tools(self, number: int) -> None:
        """Notes that the request has tools, whose definitions are text in the body."""
        if number:
            self.messages += number
            self.framing(_TOOLS_PROMPT_TOKENS)

    def framing(self, tokens: int) -> None:
        """Notes tokens that the provider adds by itself, as that many messages' worth."""
        self.messages += -(-tokens // FRAMING_TOKENS)

    def link(self, raw: msgspec.Raw, what: str) -> None:
        """A media part given as a link, a data URL, or an object with either at `url`."""
        value = decoded(raw)
        if isinstance(value, dict):
            value = cast(dict[str, object], value).get("url")
        if not isinstance(value, str) or value[:5].lower() != "data:":
            self.unsized(f"{what} by link")
        elif what == "an image":
            self.inline(value[5:64])
        else:
            self.unsized(what)

    def inline(self, media_type: str | None) -> None:
        """A part in the body of that media type. Only an image has a ceiling: the bytes of the others bound nothing.

        A small file may hold any number of pages, compressed audio and video any length.
        """
        kind = (media_type or "").lower()
        if kind.startswith("image/"):
            self.media_parts += 1
        elif kind.startswith("audio/"):
            self.unsized("audio")
        elif kind.startswith("video/"):
            self.unsized("a video")
        else:
            self.unsized("a file")


def undated(tool: str) -> str:
    """A tool's type without its version: `web_search_20250305` and `web_search_preview` are `web_search`."""
    return _DATED.sub("", tool).removesuffix("_preview")
