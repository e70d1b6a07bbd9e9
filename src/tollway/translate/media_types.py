"""Media types: what kind of thing one is, which one a name's ending means, and data URLs."""

from typing import Literal

Kind = Literal["image", "document", "audio", "video"]

_BY_ENDING = {
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "xml": "application/xml",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
}


def kind_of(media_type: str) -> Kind:
    """What `media_type` is; whatever is neither seen nor heard is a document."""
    match media_type.partition("/")[0].lower():
        case "image":
            return "image"
        case "audio":
            return "audio"
        case "video":
            return "video"
        case _:
            return "document"


def type_of(name: str | None) -> str:
    """The media type that a file's name, or a URL's path, ends in; empty where it does not tell."""
    path = (name or "").partition("?")[0].partition("#")[0]
    return _BY_ENDING.get(path.rpartition(".")[2].lower(), "") if "." in path else ""


def ending_of(media_type: str) -> str:
    """How a file of this type is usually named: "pdf"; "bin" where it is not known."""
    return next((ending for ending, known in _BY_ENDING.items() if known == media_type), "bin")


def named(name: str | None, media_type: str) -> str:
    """The name of a document, with the ending of its type: OpenAI goes by that, and answers 400 to a name that has none."""
    ending = ending_of(media_type)
    if name is None:
        return f"document.{ending}"
    return name if ending == "bin" or type_of(name) == media_type else f"{name}.{ending}"


def inline(url: str) -> tuple[str, str] | None:
    """The media type and the base64 text of a data URL; `None` for any other URL, and for data that is not base64.

    RFC 2397: data:[<mediatype>][;base64],<data>
    """
    if url[:5].lower() != "data:":
        return None
    head, comma, content = url[5:].partition(",")
    if not comma or not head.lower().endswith(";base64"):
        return None
    return head[:-7].partition(";")[0], content
