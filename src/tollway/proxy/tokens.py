"""Counting text in tokens. It takes 70 MB for each vocabulary and half a second to begin: only the worker process does it.

`count` is all there is to it, and all that knows `toktok`. OpenAI's `tiktoken` can stand in its place, where its vocabularies
are at hand (it downloads them): `tiktoken.get_encoding(name).encode_ordinary(text)`; it has none for Qwen.
"""

from collections.abc import Sequence

from tollway.providers.prompts import Counted, Prompt, prompt_of
from tollway.providers.vocabularies import Name
from tollway.request import Api

_RATIOS: dict[Name, int] = {"claude": 175, "claude-4.7": 250}
"""Tokens of Claude for a hundred of o200k, at most, in ASCII text. Measured with a reconstruction of its vocabularies (ctok
1.3): prose, code, JSON and markup have 109-132 of the first and 144-181 of the second; German 160 and 216, capitals 123 and 227."""
_OTHER_SCRIPTS = 300
"""The same for other scripts: Russian and Chinese 156, Arabic 209, Thai 271."""
_WINDOW = 256
"""Characters that are looked at together: a ratio holds for text, and not for the runs of signs that may be in it."""
_LONGEST = 6
"""Bytes of a token, on average over a window of text. Where o200k needs fewer tokens it has one for a run of signs, which
Claude may not have; there a byte counts as a token."""


def count(texts: Sequence[str], vocabulary: Name) -> list[int]:
    """The tokens of each text. Of Claude, whose vocabularies are not published, as many as ordinary text may have."""
    ratio = _RATIOS.get(vocabulary)
    if ratio is None:
        return _counted(texts, vocabulary)
    return [_bounded(text, ratio) for text in texts]


def count_all(vocabulary: Name, shown: Sequence[bytes], api: Api | None, body: bytes) -> Counted:
    """The tokens of what a stream has shown, and, where its `api` is named, of a request's body."""
    prompt: Prompt | None = prompt_of(api, body) if api is not None else None
    # A lone surrogate is no text. As three bytes that cannot be read it counts for more than it may be.
    texts = [text.decode(errors="replace") for text in shown]
    if prompt is not None:
        texts += prompt.texts
    counts = count(texts, vocabulary)
    if prompt is None:
        return Counted(tuple(counts))
    return Counted(
        tuple(counts[: len(shown)]), sum(counts[len(shown) :]) + prompt.other_tokens, prompt.messages, prompt.plain
    )


def _counted(texts: Sequence[str], vocabulary: str) -> list[int]:
    # Not before it is needed: see above.
    import toktok  # pyright: ignore[reportMissingTypeStubs]

    # A pool of threads costs more than a few short texts.
    return toktok.batch_count(texts, vocabulary, threads=1)


def _bounded(text: str, ratio: int) -> int:
    windows = [text[start : start + _WINDOW] for start in range(0, len(text), _WINDOW)]
    total = 0
    for window, tokens in zip(windows, _counted(windows, "o200k_base"), strict=True):
        size = len(window.encode())
        most = -(-tokens * (ratio if window.isascii() else _OTHER_SCRIPTS) // 100)
        total += size if size > _LONGEST * tokens else min(most, size)
    return total
