"""The parts of messages of OpenAI's chat: texts, pictures, sounds and files, read and written."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, cast

from tollway.translate.conversation import Cached, Declined, Media, Part, Text, Untranslatable
from tollway.translate.fields import Fields, Malformed
from tollway.translate.media_types import named

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)
_SOUNDS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}


def read_content(message: Fields, name: str, lost: list[str]) -> list[Part]:
    """A message's content: a text, or parts."""
    content = message.raw(name)
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(text=content)]
    if not isinstance(content, list):
        raise Malformed(f"{message.place(name)} must be text or an array of parts.")
    found: list[Part] = []
    for number, value in enumerate(cast("list[Any]", content)):
        part = Fields(value, f"{message.place(name)}[{number}]")
        found.append(_part(part))
        lost += part.lose("prompt_cache_breakpoint", "annotations")
        part.done()
    return found


def _part(part: Fields) -> Part:
    cached = read_cached(part.nested("cache_control"))
    match kind := part.needed("type"):
        case "text":
            return Text(text=part.needed("text"), cached=cached)
        case "refusal":
            return Declined(part.needed("refusal"))
        case "image_url":
            image = part.raw("image_url")
            fields = Fields({"url": image} if isinstance(image, str) else image, part.place("image_url"))
            detail = fields.text("detail")
            found = _linked(
                "image", fields.needed("url"), name=None, detail=None if detail == "auto" else detail, cached=cached
            )
            fields.done()
            return found
        case "input_audio":
            sound = Fields(part.raw("input_audio"), part.place("input_audio"))
            form = sound.needed("format")
            found = Media(
                kind="audio",
                media_type=f"audio/{'mpeg' if form == 'mp3' else form}",
                data=sound.needed("data"),
                cached=cached,
            )
            sound.done()
            return found
        case "file":
            file = Fields(part.raw("file"), part.place("file"))
            if file.text("file_id"):
                raise Untranslatable(
                    file.place("file_id"), 'a stored file is known to its keeper alone; send it as "file_data"'
                )
            found = _linked(
                "document", file.needed("file_data"), name=file.text("filename"), detail=None, cached=cached
            )
            file.done()
            return found
        case _:
            raise Untranslatable(
                part.place("type"), f'a part of type "{kind}" cannot be carried to the API that the model speaks'
            )


def _linked(kind: Any, url: str, *, name: str | None, detail: str | None, cached: Cached | None) -> Media:
    """What a URL stands for, which may hold the thing itself."""
    inline = _DATA_URL.match(url)
    if inline is None:
        if not url.startswith(("http://", "https://")):
            # OpenAI takes a file's bare base64 as well, and its name tells what it is.
            return Media(kind=kind, media_type="application/pdf", data=url, name=name, detail=detail, cached=cached)
        return Media(kind=kind, url=url, name=name, detail=detail, cached=cached)
    if ";base64" not in inline[2].lower():
        raise Untranslatable("url", "a data URL must be in base64")
    return Media(
        kind=kind, media_type=inline[1].lower(), data=url[inline.end() :], name=name, detail=detail, cached=cached
    )


def read_cached(control: Fields | None) -> Cached | None:
    """OpenRouter takes Anthropic's mark in parts of a chat."""
    if control is None:
        return None
    control.text("type")
    ttl = control.text("ttl")
    control.done()
    return Cached("1h" if ttl == "1h" else "5m")


def write_media(media: Media) -> dict[str, Any]:
    if media.file_id is not None:
        raise Untranslatable("file_id", "a stored file is known to its keeper alone; send its bytes")
    match media.kind:
        case "image":
            image: dict[str, Any] = {"url": media.url or f"data:{media.media_type};base64,{media.data}"}
            if media.detail is not None:
                image["detail"] = media.detail
            return {"type": "image_url", "image_url": image}
        case "audio":
            form = _SOUNDS.get(media.media_type)
            if media.data is None or form is None:
                raise Untranslatable("audio", "OpenAI's chat hears wav and mp3 that are sent as base64")
            return {"type": "input_audio", "input_audio": {"data": media.data, "format": form}}
        case "document":
            return _document(media)
        case "video":
            raise Untranslatable("video", "OpenAI's chat sees no films; send pictures of it")


def _document(media: Media) -> dict[str, Any]:
    if media.data is None:
        raise Untranslatable("document.url", "OpenAI's chat fetches no documents; send it as base64")
    if media.media_type.startswith("text/"):
        try:
            text = base64.b64decode(media.data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Untranslatable("document", "a document of text must be UTF-8 in base64") from None
        title = f' title="{media.name}"' if media.name else ""
        return {"type": "text", "text": f"<document{title}>\n{text}\n</document>"}
    file = {
        "filename": named(media.name, media.media_type),
        "file_data": f"data:{media.media_type};base64,{media.data}",
    }
    return {"type": "file", "file": file}
