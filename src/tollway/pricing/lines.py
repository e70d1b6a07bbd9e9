"""The usage that the lines of a charge were made from: `charge` read backwards."""

from collections.abc import Sequence

import msgspec

from tollway.pricing.charge import ChargeLine
from tollway.usage import Usage

_PARTS: dict[str, tuple[str, ...]] = {
    "input": ("input_tokens",),
    "cache_read": ("input_tokens", "cache_read_input_tokens"),
    "cache_write": ("input_tokens", "cache_creation_input_tokens"),
    "cache_write_1h": ("input_tokens", "cache_creation_input_tokens", "cache_creation_1h_input_tokens"),
    "input_audio": ("input_tokens", "input_audio_tokens"),
    "input_image": ("input_tokens", "input_image_tokens"),
    "input_video": ("input_tokens", "input_video_tokens"),
    "output": ("output_tokens",),
    "reasoning": ("output_tokens", "reasoning_output_tokens"),
    "output_audio": ("output_tokens", "output_audio_tokens"),
    "output_image": ("output_tokens", "output_image_tokens"),
    "citation": ("citation_tokens",),
    "characters": ("characters",),
    "input_audio_seconds": ("input_audio_seconds",),
    "audio_seconds": ("input_audio_seconds",),
    "output_audio_seconds": ("output_audio_seconds",),
    "image": ("images",),
    "video_seconds": ("output_video_seconds",),
    "pages": ("pages",),
    "annotated_pages": ("pages", "annotated_pages"),
    "search_unit": ("search_units",),
    "web_search": ("web_searches",),
    "file_search": ("file_searches",),
    "request": (),
}
"""The counts of `Usage` that a line of a charge is in."""

_KINDS = {"image": "image_kind", "video_seconds": "video_kind"}


def usage_of(lines: Sequence[ChargeLine]) -> Usage | None:
    """The usage that lines were made from; `None` where there are none, or one is of another kind."""
    counts: dict[str, int] = {}
    kinds: dict[str, str] = {}
    for line in lines:
        meter, _, kind = line.meter.partition(":")
        parts = _PARTS.get(meter)
        if parts is None:
            return None
        for name in parts:
            counts[name] = counts.get(name, 0) + line.quantity
        if kind and meter in _KINDS:
            kinds[_KINDS[meter]] = kind
    return msgspec.convert({**counts, **kinds}, Usage) if lines else None
