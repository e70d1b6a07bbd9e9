"""What a provider reported about one answer: counts with OpenTelemetry GenAI names.

Counts are inclusive as the conventions define them: `input_tokens` has the cached ones in it, `output_tokens` the
reasoning. `None` is "not reported", never zero. Providers that report exclusively (Anthropic) are added up by their
codec, so that nothing behind it needs to know.
"""

import msgspec

from tollway.errors import UsageInvalid


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Inclusive counts of one answer; a part is never larger than its whole."""

    input_tokens: int | None = None
    """All prompt tokens: fresh, read from and written to a cache, text, audio, images, and tool-made ones."""
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    """All tokens written to a cache, of every lifetime."""
    cache_creation_1h_input_tokens: int | None = None
    """The part of `cache_creation_input_tokens` that is kept for an hour."""
    input_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    input_video_tokens: int | None = None
    cache_read_audio_tokens: int | None = None
    """The part of `cache_read_input_tokens` that is audio."""
    tool_use_input_tokens: int | None = None
    """The part of `input_tokens` that a provider's own tools put into the prompt."""
    output_tokens: int | None = None
    """All generated tokens that are billed, reasoning included."""
    reasoning_output_tokens: int | None = None
    output_audio_tokens: int | None = None
    output_image_tokens: int | None = None
    web_searches: int | None = None
    """Billed web searches."""
    file_searches: int | None = None
    """Billed searches in a provider's own store."""
    images: int | None = None
    input_audio_seconds: int | None = None
    """Seconds of audio billed, rounded up to a whole one."""

    def check(self) -> None:
        """Raises UsageInvalid when a count is negative or a part exceeds its whole."""
        for index, count in enumerate(msgspec.structs.astuple(self)):
            if count is not None and count < 0:
                raise UsageInvalid(f"{self.__struct_fields__[index]} is {count}; a count cannot be negative")
        fresh = (self.input_tokens or 0) - (self.cache_read_input_tokens or 0) - (self.cache_creation_input_tokens or 0)
        if fresh < 0:
            raise UsageInvalid(
                f"cache_read_input_tokens {self.cache_read_input_tokens} and cache_creation_input_tokens "
                f"{self.cache_creation_input_tokens} exceed input_tokens {self.input_tokens}"
            )
        if (self.reasoning_output_tokens or 0) > (self.output_tokens or 0):
            raise UsageInvalid(
                f"reasoning_output_tokens {self.reasoning_output_tokens} exceed output_tokens {self.output_tokens}"
            )


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one answer said of itself."""

    usage: Usage | None = None
    """`None`: the answer carried no usage."""
    response_model: str | None = None
    response_id: str | None = None
    service_tier: str | None = None
    """The tier that was really used, as the provider names it: "default", "flex", "priority", "batch", "fast"."""
    finish_reason: str | None = None
    steps: tuple["Step", ...] = ()
    """Sub-calls billed apart, where a provider lists them (Anthropic `usage.iterations`); empty otherwise."""
    suspect: str | None = None
    """Why the usage is not to be trusted as it stands; `None` where it is."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One billed sub-call inside an answer."""

    model: str | None
    usage: Usage
