"""What a request's input is made of, as far as it decides whether the body's length bounds the tokens."""

import re

import msgspec

from tollway.providers.answer import text, values
from tollway.providers.body import ABSENT, MAX_COUNT
from tollway.providers.media import Formulas
from tollway.providers.media_content import Content, content_of, data_url
from tollway.providers.media_sizes import image_size, wave_seconds

FRAMING_TOKENS = 8
"""The tokens that the estimate allows for each message (the money protocol, 2.4)."""

_TOOLS_PROMPT_TOKENS = 1024
"""A generous bound of the instructions that a provider puts before the tools of a request. Recorded answers show 570 on
Groq's Llama 4 and 350 on Anthropic; OpenAI and Google add few."""

_LONGEST_REASON = 120
"""Characters: a reason may be a caller's own word for a tool, and goes into messages."""

_DATED = re.compile(r"_(?:preview_)?(?:\d{8}|\d{4}_\d{2}_\d{2})$")


class Inputs:
    """Collects, over one request, what an `Ask` says of its input.

    `formulas` bound what media take at this API; without them nothing is added to `media_tokens`, and each image counts
    as one of `media_parts`.
    """

    __slots__ = (
        "_formulas",
        "_paid",
        "long_cache",
        "media_bytes",
        "media_parts",
        "media_tokens",
        "messages",
        "paid_tools",
        "unbounded",
    )

    def __init__(self, formulas: Formulas | None = None) -> None:
        self._formulas = formulas
        self.unbounded: str | None = None
        self.media_parts = 0
        self.media_tokens = 0
        self.media_bytes = 0
        """How much of the body the media take whose tokens are in `media_tokens`: bytes that are no text."""
        self.messages = 0
        self.paid_tools: list[str] = []
        self._paid: set[str] = set()
        self.long_cache = False

    def unsized(self, what: str) -> None:
        """Notes a part whose size the body does not show; the first one gives the reason its name."""
        if self.unbounded is None:
            self.unbounded = what[:_LONGEST_REASON]

    def paid(self, tool: str) -> None:
        """Notes a tool that the provider runs, bills apart, and feeds the results of into the prompt."""
        # A body may name any number of them.
        if tool not in self._paid:
            self._paid.add(tool)
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

    def link(self, raw: msgspec.Raw, what: str, detail: msgspec.Raw = ABSENT) -> None:
        """A media part given as a link, a data URL, or an object with either at `url`, and maybe a `detail`."""
        if bytes(memoryview(raw)[:1]) == b"{":
            found = values(raw)
            raw, detail = found.get("url", ABSENT), found.get("detail", detail)
        url = data_url(raw)
        if url is None:
            self.unsized(f"{what} by link")
            return
        kind, content = url
        if what == "an image" or (what == "audio" and kind.startswith("audio/")):
            self._add(kind, content, text(detail))
        else:
            self.unsized(what)

    def inline(self, media_type: str | None, data: msgspec.Raw = ABSENT) -> None:
        """A part in the body of that media type, of which `data` is base64. Without `data` nothing tells its size."""
        self._add((media_type or "").lower(), content_of(data), None)

    def _add(self, kind: str, content: Content | None, detail: str | None) -> None:
        """The bytes of anything but an image or plain sound bound nothing (see `media`)."""
        if kind.startswith("image/"):
            size = image_size(content) if content is not None and self._formulas is not None else None
            if content is None or self._formulas is None or size is None:
                self.media_parts += 1
            else:
                self._sized(self._formulas.image(*size, detail), content)
        elif kind.startswith("audio/"):
            seconds = wave_seconds(content) if content is not None and self._formulas is not None else None
            if content is None or self._formulas is None or seconds is None or not self._formulas.sound_per_second:
                self.unsized("audio")
            else:
                self._sized(self._formulas.sound(seconds), content)
        elif kind.startswith("video/"):
            self.unsized("a video")
        else:
            self.unsized("a file")

    def _sized(self, tokens: int, content: Content) -> None:
        # A picture may call itself larger than any model takes; it is refused there, and must not upset arithmetic here.
        self.media_tokens = min(self.media_tokens + tokens, MAX_COUNT)
        self.media_bytes += content.bytes_in_body


def undated(tool: str) -> str:
    """A tool's type without its version: `web_search_20250305` and `web_search_preview` are `web_search`, and so is OpenRouter's own."""
    return _DATED.sub("", tool.removeprefix("openrouter:")).removesuffix("_preview")
