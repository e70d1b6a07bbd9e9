"""What a model takes besides text, told by its name: no price list says it."""

import re

from tollway.autorouting.rules import Input

_TOOLS = frozenset[Input]({"tools"})
_SEES = frozenset[Input]({"tools", "image"})
_READS = frozenset[Input]({"tools", "image", "document"})
_ALL = frozenset[Input]({"tools", "image", "document", "audio", "video"})
_KNOWN: tuple[tuple[re.Pattern[str], frozenset[Input]], ...] = tuple(
    (re.compile(pattern), taken)
    for pattern, taken in (
        (r"gemini-", _ALL),
        (r"gpt-(?:4o|5)[^/]*-audio", frozenset[Input]({"tools", "audio"})),
        (r"gpt-audio", frozenset[Input]({"tools", "audio"})),
        (r"(?:o1|o3)-mini|o1-preview", _TOOLS),
        (r"gpt-(?:4o|4\.1|4\.5|5)|(?:^|/)o[134](?:-|$)", _READS),
        (r"gpt-4-turbo|gpt-4-vision", _SEES),
        (r"claude-(?:2|instant)", frozenset[Input]()),
        (r"claude-", _READS),
        (r"grok-4|grok-2-vision", _SEES),
        (r"pixtral|mistral-(?:small|medium|large)-(?:latest|2[5-9])|magistral|llama-4|llava|-vl|vision|gemma-3", _SEES),
    )
)
"""By the makers' own pages; the first pattern that is found in the name holds."""


def takes(model: str) -> frozenset[Input]:
    """What `model` (a bare name, in any case) takes besides text; of one that nobody here knows, tools alone."""
    name = model.lower()
    return next((taken for pattern, taken in _KNOWN if pattern.search(name) is not None), _TOOLS)
