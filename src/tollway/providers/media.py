"""How many tokens an image or a sound in a request takes at most, by the formulas that providers publish.

A model's name may be an alias, and an API is served by more than its maker, so each API has one bound: the dearest of
the formulas of all the models behind it. It knows the picture's size and the detail that is asked for.

What has no such bound stays with the model's context window:
- a PDF: its pages may stand compressed, so the bytes do not tell their number, and the published limits bound nothing
  (600 pages of text and picture at Anthropic, 1,000 pages of up to 1,120 tokens at Google: both beyond a window);
- compressed sound and video: a frame of silence or of a still picture takes next to no bytes;
- whatever is linked, or kept at the provider.
"""

from collections.abc import Callable

import msgspec

ImageFormula = Callable[[int, int, str | None], int]
"""Tokens of an image of that width, that height, and at that `detail`."""

_SMALLEST = 4096
_PATCH = 14
_OTHERS_MOST = 65_536


class Formulas(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of one API."""

    image: ImageFormula
    sound_per_second: int = 0
    """Tokens; 0 where the API takes no sound."""
    sound_window_s: int = 1
    """Sound is filled up to a multiple of that many seconds."""

    def sound(self, seconds: int) -> int:
        """Tokens of a sound of that length, 0 included: it still fills a window."""
        windows = -(-max(seconds, 1) // self.sound_window_s)
        return (windows * self.sound_window_s + 1) * self.sound_per_second


def _over(number: int, parts: int) -> int:
    """`number / parts`, rounded up."""
    return -(-number // parts)


def openai_tiles(width: int, height: int) -> int:
    """How many tiles of 512 pixels OpenAI cuts an image into at high detail.

    It is made to fit into a square of 2,048, then its shortest side is made 768; neither enlarges it.
    """
    long, short = max(width, height), min(width, height)
    if 2048 * short < 768 * long:
        part, whole = min(2048, long), long
    else:
        part, whole = min(768, short), short
    return _over(_over(long * part, whole), 512) * _over(_over(short * part, whole), 512)


def openai_image(width: int, height: int, detail: str | None) -> int:
    """OpenAI's own models. The dearest tiles are gpt-4o-mini's: 5,667 tokens each, and 2,833 for the image.

    Other models cut it into patches of 32 pixels, each 1 to 2.46 tokens (gpt-5-nano has most). From GPT-5.6 on, their
    number has no limit unless the detail is low or high; before that it is 1,536 to 10,000. At low detail a patch model
    sees 512 by 512 pixels, 630 tokens, and at high detail 2,500 patches at most, 6,150 tokens: always fewer than tiles.
    """
    if detail == "low":
        return 2833
    tiled = 2833 + 5667 * openai_tiles(width, height)
    if detail == "high":
        return tiled
    return max(tiled, _over(_over(width, 32) * _over(height, 32) * 246, 100))


def anthropic_image(width: int, height: int, detail: str | None = None) -> int:
    """Claude: a token for 750 pixels, in later words for each patch of 28 by 28.

    A larger image is first made to fit: up to Opus 4.6 to 1,568 pixels and about 1,600 tokens, from Opus 4.7 on to
    2,576 pixels and 4,784 tokens. 32 more stand for what is rounded.
    """
    return min(max(_over(width * height, 750), _over(width, 28) * _over(height, 28)), 4784) + 32


def google_image(width: int, height: int, detail: str | None = None) -> int:
    """Gemini: 2,240 tokens at the dearest media resolution of Gemini 3 (ultra high), and before it 258 a tile.

    An image of up to 384 pixels is one tile. The tiles of a larger one are squares of its shortest side / 1.5, but of
    no less than 256 pixels and no more than 768. So a smaller image may have more of them: this is the most that any
    image has that is no wider and no higher.
    """
    long, short = max(width, height), min(width, height)
    if long <= 384:
        return 2240
    narrow = min(_over(short, 256), 2) * _over(long, 256)
    return max(2240, 258 * max(narrow, _over(short, 768) * _over(long, 768)))


def compatible_image(width: int, height: int, detail: str | None = None) -> int:
    """What others serve by OpenAI's API, whatever detail is asked for.

    Open models see patches of 14 pixels or more, each a token at most, with one more for the end of a row (Pixtral);
    most merge four (Qwen, Kimi, GLM), and all have a largest image. Models with tiles of their own (InternVL: 13 of 256
    tokens) cut even a small image into many. Gemini and Claude are served by OpenAI's API as well.
    """
    rows, columns = _over(max(width, height), _PATCH), _over(min(width, height), _PATCH)
    patches = min(rows * (columns + 1), _OTHERS_MOST)
    return max(patches, _SMALLEST, anthropic_image(width, height), google_image(width, height))


def _any_image(width: int, height: int, detail: str | None) -> int:
    return max(openai_image(width, height, detail), compatible_image(width, height))


OPENAI = Formulas(image=_any_image, sound_per_second=50, sound_window_s=30)
"""OpenAI hears 10 tokens a second. A Whisper encoder, which open models listen with, has 50 in windows of 30 s."""
ANTHROPIC = Formulas(image=anthropic_image)
GOOGLE = Formulas(image=google_image, sound_per_second=32)
