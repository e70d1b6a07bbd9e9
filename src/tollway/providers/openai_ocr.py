"""Mistral's `/ocr`: billed by the page, at a price of its own where pages are annotated as well."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.answer import text, values
from tollway.providers.body import MAX_COUNT, Shape, Unfit, name_at, object_at
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.counts import Reported, count, doubt, reported
from tollway.providers.openai_stream import ChatReader
from tollway.providers.splice import spliced
from tollway.providers.stream import StreamMeter
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report, Usage

_ANNOTATIONS = ("document_annotation_format", "bbox_annotation_format")
_MOST_PAGES = 100_000
"""Mistral takes a thousand pages in a call; a hundred times as many are a mistake."""

_shape = Shape(dict[str, msgspec.Raw])


class Ocr:
    """A document or a picture in, its text out."""

    __slots__ = ()

    api: Api = "openai.ocr"
    dialect: Dialect = "openai"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost: the pages, where `pages` names them or a picture is one."""
        try:
            fields = _shape.open(body)
            document = object_at(fields, "document")
            pages = _pages(fields.get("pages"))
            if pages is None and document.get("type") == "image_url":
                pages = 1
            annotated = any(fields.get(name) is not None for name in _ANNOTATIONS)
            return Ask(
                model=name_at(fields, "model"),
                unbounded=None if pages is not None else "the pages of a document",
                messages=1,
                known=None if pages is None else Usage(pages=pages, annotated_pages=pages if annotated else None),
                floor_output_tokens=MAX_COUNT + 1,
            )
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` as it is: the body names the model."""
        return path

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the model written into it."""
        return spliced(body, {} if model is None else {"model": model})

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports."""
        found = values(body)
        usage = reported(found.get("usage_info"))
        read, suspect = _read_usage(usage) if usage else (None, None)
        return Report(
            usage=read, response_model=text(found.get("model")), response_id=text(found.get("id")), suspect=suspect
        )

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for an answer too large to be kept whole; nothing is streamed."""
        return StreamMeter(ChatReader(), self.read_answer)


def _pages(given: object) -> int | None:
    """How many pages are named at most: [0, 3], or "0-3,7". `None` where that is not told."""
    if isinstance(given, int) and not isinstance(given, bool):
        return 1
    if isinstance(given, str):
        given = given.split(",")
    if not isinstance(given, list) or not given:
        return None
    total = 0
    for entry in cast(list[Any], given):
        if type(entry) is int:
            total += 1
            continue
        if not isinstance(entry, str):
            return None
        first, dash, last = (end.strip() for end in entry.partition("-"))
        if not _is_page(first) or (dash and not _is_page(last)):
            return None
        total += int(last) - int(first) + 1 if dash else 1
        if dash and int(last) < int(first):
            return None
    return total


def _is_page(written: str) -> bool:
    return written.isascii() and written.isdecimal() and len(written) <= 6


def _read_usage(usage: Reported) -> tuple[Usage | None, str | None]:
    """Azure counts pages that were annotated under that name alone; they are pages as well."""
    pages, annotated = count(usage.get("pages_processed")), count(usage.get("pages_processed_annotation"))
    if pages is None and annotated is None:
        return None, None
    read = Usage(pages=max(pages or 0, annotated or 0) if (pages or 0) >= 0 else pages, annotated_pages=annotated)
    suspect = doubt(read, usage)
    if suspect is None and (read.pages or 0) > _MOST_PAGES:
        suspect = f"pages_processed is {read.pages}, which no call can be"
    return read, suspect
