"""Pictures over OpenAI's API: `/images/generations`, `/images/edits`, `/images/variations`, at whoever serves them.

OpenAI's GPT Image models bill tokens, and each picture takes a published number of them. DALL-E and the models of most
other providers bill by the picture, by its quality and size: their answers tell neither tokens nor kind, so the
pictures in them are counted, and the request's `Ask.known` tells the kind.
"""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec

from tollway.pricing.estimate import TOKENS_PER_MEDIA_PART
from tollway.providers import forms
from tollway.providers.answer import Values, text, values
from tollway.providers.body import MAX_CHOICES, MAX_COUNT, Fields, Shape, Unfit, Unread, flag, name_at, whole_number
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.counts import Reported, added, count, reported
from tollway.providers.openai_usage import read_usage
from tollway.providers.other_models import substitutes
from tollway.providers.splice import spliced
from tollway.providers.stated_cost import NOTHING, Stated, read_stated_cost
from tollway.providers.stream import StreamMeter
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report, Usage

_FORM_FIELDS = ("model", "n", "size", "quality", "stream", "partial_images", "output_format")
_INPUTS = ("image", "images", "mask", "image_url", "image_urls", "reference_images", "input_image")
"""Fields that hold pictures to start from, or links to them, at OpenAI, Together and xAI."""
_STILL = (None, "png", "jpeg", "webp")

_TABLE = {
    "low": {"1024x1024": 272, "1024x1536": 408, "1536x1024": 400},
    "medium": {"1024x1024": 1056, "1024x1536": 1584, "1536x1024": 1568},
    "high": {"1024x1024": 4160, "1024x1536": 6240, "1536x1024": 6208},
}
"""gpt-image-1, 1-mini and 1.5: OpenAI, "Image generation", cost and latency."""

_GRIDS = {
    "gpt-image-2": {"low": 16, "medium": 48, "high": 96},
    "gpt-image-2.5": {"low": 16, "medium": 24, "high": 48, "xhigh": 64, "max": 96},
}
"""Cells on a picture's longer side. OpenAI publishes a calculator, not the formula; this one gives its figures: 196,
1,756 and 7,024 tokens for 1024x1024, 5,650 for 2048x1152 at the finest."""

_MOST_PIXELS = 8_294_400
"""Of gpt-image-2 and later: OpenAI, "Image generation", size and quality options."""
_PREVIEW = 100
"""Tokens of one partial image, as published."""
_THOUGHT = 2_048
"""Text that models after gpt-image-1 may make beside the picture. It is billed; no bound of it is published, and
recorded answers show about three hundred."""

_SIZE = re.compile(r"([1-9][0-9]{1,4})x([1-9][0-9]{1,4})")
_DATE = re.compile(r"-20\d\d-\d\d-\d\d$")

_shape = Shape(dict[str, msgspec.Raw])
_pictures = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


class Images:
    """Generations, edits and variations: the last two are forms, edits may be JSON as well."""

    __slots__ = ()

    api: Api = "openai.images"
    dialect: Dialect = "openai"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost. `max_output_tokens` is what one picture takes at most.

        A picture to start from has a ceiling of tokens wherever it stands, so one by link has a bound as well.
        """
        try:
            files: list[forms.Part] = []
            inputs = 0
            if forms.is_form(content_type):
                form, fields = forms.opened(content_type, body, _FORM_FIELDS)
                files = form.files(*_INPUTS)
            else:
                fields = _shape.open(body)
                inputs = sum(_number_of(fields.get(name)) for name in _INPUTS)
            model = name_at(fields, "model")
            number = whole_number(fields, "n", MAX_CHOICES) or 1
            tokens, unbounded = _bound(fields, model)
            return Ask(
                model=model,
                stream=flag(fields, "stream"),
                max_output_tokens=tokens,
                choices=number,
                unbounded=unbounded,
                media_parts=inputs,
                # A file of a form is never read as text, so its bytes are not among those that bound the prompt.
                media_tokens=TOKENS_PER_MEDIA_PART * len(files),
                media_bytes=sum(file.size for file in files),
                messages=1,
                substitutes=substitutes(fields),
                known=Usage(images=number, image_kind=_kind(fields, model)),
                floor_output_tokens=MAX_COUNT + 1,
            )
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` as it is: the body names the model."""
        return path

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body`, JSON or a form, with the model written into it; a picture's tokens cannot be capped."""
        if model is None:
            return body
        return forms.renamed(body, model) if body.startswith(b"--") else spliced(body, {"model": model})

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports: its tokens where it has them, and how many pictures are in it."""
        found = values(body)
        stated = read_stated_cost(found.get("usage", b"{}"))
        return _report(found, reported(found.get("usage")), _count(found), stated)

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream. There is no usage chunk to strip."""
        return StreamMeter(_Reader(), self.read_answer)


def _number_of(value: object) -> int:
    if isinstance(value, list):
        return len(cast(list[Any], value))
    return 0 if value is None else 1


def _text_at(fields: Fields, name: str) -> str | None:
    """A field whose values OpenAI names and others may number: what is no text is theirs to judge."""
    value = fields.get(name)
    return value.strip().lower() or None if isinstance(value, str) and len(value) <= 64 else None


def _bound(fields: Fields, model: str | None) -> tuple[int | None, str | None]:
    """The most tokens of one picture, and why there is no such bound. Neither where pictures are billed as such."""
    plain = (model or "").lower().rpartition("/")[2]
    if plain.startswith(("gpt-image", "chatgpt-image")):
        if _text_at(fields, "output_format") not in _STILL:
            return None, "moving or drawn pictures"
        partial = fields.get("partial_images")
        if isinstance(partial, Unread) or partial is True:
            raise Unfit("partial_images is not a number; it must be a whole number from 0 to 16.")
        previews = 0 if partial in (None, False, 0) else whole_number(fields, "partial_images", 16) or 0
        tokens = picture_tokens(plain, _text_at(fields, "quality"), _text_at(fields, "size"), previews)
        return tokens, None if tokens is not None else f"the tokens of a picture of {plain[:40]}"
    # Where a model bills by the picture this reason is idle: nothing but a price of tokens asks for their bound.
    return None, None if plain.startswith("dall-e") else "the tokens of a picture"


def picture_tokens(model: str, quality: str | None, size: str | None, previews: int = 0) -> int | None:
    """The most output tokens of one picture; `None` for a model whose counts are not known.

    What is left to the model ("auto", or not said), or is not known, counts as the dearest there is.
    """
    name = _DATE.sub("", model)
    if name in ("gpt-image-1", "gpt-image-1-mini"):
        return _tabled(quality, size) + _PREVIEW * previews
    if name == "gpt-image-1.5":
        return _tabled(quality, size) + _THOUGHT + _PREVIEW * previews
    if name == "chatgpt-image-latest":
        # It names whichever model ChatGPT uses now.
        grid = _GRIDS["gpt-image-2"]
    else:
        grid = _GRIDS.get(name) or (_GRIDS["gpt-image-2.5"] if name.startswith("gpt-image-2.5-") else None)
    if grid is None:
        return None
    cells = max(grid.values()) if name == "chatgpt-image-latest" else grid.get(quality or "", max(grid.values()))
    return min(_drawn(cells, size) + _THOUGHT + _PREVIEW * previews, MAX_COUNT)


def _tabled(quality: str | None, size: str | None) -> int:
    rows = [_TABLE[quality]] if quality in _TABLE else list(_TABLE.values())
    return max(row[size] if size in row else max(row.values()) for row in rows)


def _drawn(cells: int, size: str | None) -> int:
    """The tokens of a grid of `cells` on the longer side; of the largest square where the size is not known."""
    found = _SIZE.fullmatch(size or "")
    if found is None:
        return -(-cells * cells * (2_000_000 + _MOST_PIXELS) // 4_000_000)
    width, height = int(found[1]), int(found[2])
    longer, shorter = max(width, height), min(width, height)
    across = (2 * cells * shorter + longer) // (2 * longer)
    return -(-cells * across * (2_000_000 + width * height) // 4_000_000)


def _kind(fields: Fields, model: str | None) -> str:
    """The "quality/size" asked for, with the defaults of the model filled in.

    OpenAI, "Create image": DALL-E makes standard pictures of 1024x1024, GPT Image chooses both itself ("auto").
    """
    plain = (model or "").lower().rpartition("/")[2]
    quality, size = _text_at(fields, "quality"), _text_at(fields, "size")
    if size is None and type(fields.get("width")) is int and type(fields.get("height")) is int:
        size = f"{fields['width']}x{fields['height']}"
    if plain.startswith("dall-e"):
        quality = "standard" if quality in (None, "auto") else quality
        size = "1024x1024" if size in (None, "auto") else size
    return f"{quality or 'auto'}/{size or 'auto'}"[:64]


def _count(found: Values) -> int:
    """The pictures of an answer. Those that a filter has taken out have neither bytes nor a link."""
    entries: list[dict[str, msgspec.Raw]] = []
    for name in ("data", "images"):
        try:
            entries += _pictures.decode(found[name]) if name in found else []
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return sum(1 for entry in entries if text(entry.get("b64_json")) or text(entry.get("url")))


def _report(found: Values, usage: Reported | None, pictures: int, stated: Stated) -> Report:
    read, suspect = _read(usage) if usage else (None, None)
    if pictures:
        quality, size = text(found.get("quality")), text(found.get("size"))
        kind = f"{quality}/{size}".lower()[:64] if quality and size else None
        read = msgspec.structs.replace(read or Usage(), images=pictures, image_kind=kind)
    return Report(
        usage=read,
        response_model=text(found.get("model")),
        response_id=text(found.get("id")),
        service_tier=text(found.get("service_tier")),
        suspect=suspect or stated.suspect,
        stated_cost=stated.nanodollars,
    )


def _read(usage: Reported) -> tuple[Usage | None, str | None]:
    read, suspect = read_usage(usage)
    if read == Usage():
        # A usage of other things (xAI states a cost and no counts).
        return None, suspect
    if read.output_tokens and read.output_image_tokens is None and "output_tokens_details" not in usage:
        # OpenAI, "Create image": without details `output_tokens` is "the number of image tokens in the output image".
        read = msgspec.structs.replace(read, output_image_tokens=read.output_tokens)
    return read, suspect


class _Reader:
    """Follows a stream of pictures: each `*.completed` event is one of them, with the usage of its own making.

    All bytes count as output: a preview says nothing of what the picture that follows it will take, so that a stream
    cut before its end counts as its bound.
    """

    __slots__ = ("_last", "_pictures", "_usage", "complete", "output_bytes")

    def __init__(self) -> None:
        self.output_bytes = 0
        self.complete = False
        self._last: Values = {}
        self._usage: list[Reported] = []
        self._pictures = 0

    def event(self, data: bytes) -> bool:
        """Takes one event in. None is extra."""
        self.output_bytes += len(data)
        if data == b"[DONE]":
            self.complete = True
            return False
        found = values(data)
        usage = reported(found.get("usage"))
        kind = text(found.get("type")) or ""
        if usage is not None:
            self._usage.append(usage)
        if usage is not None or kind.endswith(".completed"):
            self._last = found
            self.complete = True
        if kind.endswith((".completed", ".partial_succeeded")) and (
            text(found.get("b64_json")) or text(found.get("url"))
        ):
            self._pictures += 1
        return False

    def report(self) -> Report:
        """What the stream has told of itself."""
        # Of several pictures each states its own cost, if any does; no provider is known to do so in a stream.
        stated = read_stated_cost(self._last.get("usage", b"{}")) if len(self._usage) == 1 else NOTHING
        return _report(self._last, _summed(self._usage), self._pictures, stated)


def _summed(usages: list[Reported]) -> Reported | None:
    """The usage of all pictures of a stream together, count by count."""
    if len(usages) < 2:
        return usages[0] if usages else None
    total: dict[str, Any] = {}
    for usage in usages:
        for name, value in usage.items():
            if isinstance(value, dict):
                inner = cast(dict[str, Any], value)
                before = cast(dict[str, Any], total.get(name) if isinstance(total.get(name), dict) else {})
                total[name] = {**before, **{key: added(count(before.get(key)), count(inner[key])) for key in inner}}
            else:
                total[name] = added(count(total.get(name)), count(value))
    return total
