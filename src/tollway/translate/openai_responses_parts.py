"""The parts that a message, or a tool's output, is made of in OpenAI's Responses: text and files."""

from __future__ import annotations

from typing import Any

from tollway.translate.conversation import Declined, Media, Text, Untranslatable
from tollway.translate.fields import Fields, Malformed
from tollway.translate.media_types import inline, kind_of, named, type_of

_SOUNDS = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav"}


def read_content(fields: Fields, name: str, lost: list[str]) -> tuple[Text | Media | Declined, ...]:
    """The parts of `content` or `output`, which may be one text."""
    value = fields.raw(name)
    if value is None:
        return ()
    if isinstance(value, str):
        return (Text(text=value),)
    if not isinstance(value, list):
        raise Malformed(f"{fields.place(name)} must be text or an array.")
    return tuple(_read_part(part, lost) for part in fields.each(name))


def _read_part(part: Fields, lost: list[str]) -> Text | Media | Declined:
    kind = part.needed("type")
    # Explicit breakpoints are OpenAI's own; elsewhere a write to a cache may cost more than none.
    lost += part.lose("prompt_cache_breakpoint")
    match kind:
        case "input_text" | "output_text" | "text":
            lost += part.lose("annotations", "logprobs")
            read: Text | Media | Declined = Text(text=part.needed("text"))
        case "refusal":
            read = Declined(part.needed("refusal"))
        case "input_image":
            read = _read_image(part)
        case "input_file":
            read = _read_file(part)
        case "input_audio":
            read = _read_audio(part)
        case _:
            raise Untranslatable(
                part.place("type"), f'a part "{kind}" cannot be carried to another API; send text, images or files'
            )
    part.done()
    return read


def _read_image(part: Fields) -> Media:
    url, file_id, detail = part.text("image_url"), part.text("file_id"), part.text("detail")
    if url is None:
        if file_id is None:
            raise Malformed(f"{part.place('image_url')} is missing; it must be a URL, or file_id be given.")
        return Media(kind="image", file_id=file_id, detail=detail)
    if (content := inline(url)) is not None:
        return Media(kind="image", media_type=content[0], data=content[1], detail=detail)
    return Media(kind="image", media_type=type_of(url), url=url, detail=detail)


def _read_file(part: Fields) -> Media:
    data, url, file_id = part.text("file_data"), part.text("file_url"), part.text("file_id")
    name, detail = part.text("filename"), part.text("detail")
    if data is not None:
        media_type, content = inline(data) or (type_of(name), data)
        return Media(kind=kind_of(media_type), media_type=media_type, data=content, name=name, detail=detail)
    if url is not None:
        media_type = type_of(name) or type_of(url)
        return Media(kind=kind_of(media_type), media_type=media_type, url=url, name=name, detail=detail)
    if file_id is None:
        raise Malformed(f"{part.place('file_data')} is missing; it must be a data URL, or file_url be given.")
    return Media(kind="document", file_id=file_id, name=name, detail=detail)


def _read_audio(part: Fields) -> Media:
    sound = part.nested("input_audio")
    if sound is None:
        raise Malformed(f"{part.place('input_audio')} is missing; it must be an object.")
    written, data = sound.needed("format"), sound.needed("data")
    sound.done()
    return Media(kind="audio", media_type=_SOUNDS.get(written, f"audio/{written}"), data=data)


def write_part(part: Text | Media, where: str, lost: list[str]) -> dict[str, Any]:
    """One part of what a user or a tool says."""
    if part.cached is not None:
        lost.append("cache_control")
    if isinstance(part, Text):
        if part.citations:
            lost.append("citations")
        return {"type": "input_text", "text": part.text}
    if part.file_id is not None:
        raise Untranslatable(where, "a file that one provider keeps is unknown to another; send its content or a URL")
    match part.kind:
        case "image":
            written: dict[str, Any] = {"type": "input_image", "image_url": _url(part)}
        case "document":
            written = {"type": "input_file"}
            if part.data is None:
                written["file_url"] = part.url
            else:
                # OpenAI asks for a name wherever it is given the content; its ending tells what it is.
                written["filename"] = named(part.name, part.media_type)
                written["file_data"] = _url(part)
        case "audio":
            if part.data is None or (written_as := _FORMATS.get(part.media_type)) is None:
                raise Untranslatable(where, "OpenAI hears audio as mp3 or wav alone, and sent along; convert it")
            return {"type": "input_audio", "input_audio": {"data": part.data, "format": written_as}}
        case "video":
            raise Untranslatable(where, "OpenAI's Responses takes no video; send pictures of it, or ask a Gemini model")
    if part.detail is not None:
        written["detail"] = part.detail
    return written


def _url(part: Media) -> str | None:
    return part.url if part.data is None else f"data:{part.media_type};base64,{part.data}"
