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
    search_units: int | None = None
    """Billed units of a rerank: a query with up to 100 documents (Cohere)."""
    citation_tokens: int | None = None
    """Tokens of cited sources that are billed beside the output (Perplexity's deep research)."""
    images: int | None = None
    """Pictures made."""
    image_kind: str | None = None
    """"quality/size" of the pictures, in lower case: a price may be for one kind alone ("hd/1024x1792")."""
    input_audio_seconds: int | None = None
    """Seconds of audio heard and billed, rounded up to a whole one."""
    output_audio_seconds: int | None = None
    output_video_seconds: int | None = None
    """Seconds of video made."""
    video_kind: str | None = None
    """Its resolution, where a price depends on it ("1080p")."""
    characters: int | None = None
    """Characters of text to be spoken, translated or embedded, where those are billed and not tokens."""
    pages: int | None = None
    """Pages read (OCR)."""
    annotated_pages: int | None = None
    """The part of `pages` that were annotated as well, at a price of their own."""

    def check(self) -> None:
        """Raises UsageInvalid when a count is negative or a part exceeds its whole."""
        # Most fields of most usages are None.
        counts = [*filter(None, msgspec.structs.astuple(self))]
        if self.image_kind or self.video_kind:
            counts = [count for count in counts if type(count) is int]
        if counts and min(counts) < 0:
            name = next(n for n in self.__struct_fields__ if type(count := getattr(self, n)) is int and count < 0)
            raise UsageInvalid(f"{name} is {getattr(self, name)}; a count cannot be negative")
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
    stated_cost: int | None = None
    """Nanodollars that the provider itself says it charges for this answer (OpenRouter, xAI), rounded up."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One billed sub-call inside an answer."""

    model: str | None
    usage: Usage
