"""Reading multipart forms (RFC 7578) so that no other parser of the same bytes sees another field in them.

A form is cut at its boundary and each part's name is read; values stay where they stand. What a strict reader would not
take is told as a flaw, and refused: another server might read another model out of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from tollway.providers.body import MAX_NAME, Fields, Unfit

MOST_PARTS = 1_000

_BOUNDARY = re.compile(rb'boundary="?([^";,\s]{1,70})"?', re.IGNORECASE)
_NAME = re.compile(rb'[;\s]name="?([^";\r\n]*)"?', re.IGNORECASE)
# RFC 5987 names, quoted pairs, and encodings of a value are read by some parsers and not by others.
_ODD_HEAD = re.compile(rb"[;\s]name\*|content-transfer-encoding:\s*+(?!binary|8bit|7bit)", re.IGNORECASE)
_ODD_TEXT = re.compile(rb"charset=(?!\"?(?:utf-8|us-ascii))", re.IGNORECASE)
# RFC 7578 and RFC 2183 have no space beside "=", nor a line that is folded; servers written in Go read both.
_SPACED = re.compile(rb"[;\s](?:file)?name\*?(?:\s+=|=\s)|\r\n[ \t]", re.IGNORECASE)
_FILE = re.compile(rb"[;\s]filename\*?\s*=", re.IGNORECASE)


class Part(NamedTuple):
    """One field of a form. Its value is `body[start:end]`."""

    name: str
    is_file: bool
    start: int
    end: int

    @property
    def size(self) -> int:
        """Bytes of the value."""
        return self.end - self.start


class Form(NamedTuple):
    """The parts of a form in their order; `flaw` says why a strict reader would not take it, `None` if it would."""

    parts: tuple[Part, ...]
    flaw: str | None

    def files(self, *names: str) -> list[Part]:
        """The files of those names; one sent as a list ("image[]") is of that name too."""
        return [part for part in self.parts if part.is_file and part.name.removesuffix("[]") in names]


def is_form(content_type: bytes) -> bool:
    """Whether a body of that type is a form with parts."""
    return content_type.lstrip()[:19].lower() == b"multipart/form-data"


def cut(content_type: bytes, body: bytes) -> Form:
    """The parts of a form. Raises Unfit where one part has two names: two parsers may disagree on which counts."""
    boundaries = _BOUNDARY.findall(content_type)
    if not boundaries:
        return Form((), "The content type of the form names no boundary.")
    mark = b"--" + boundaries[0]
    flaw = None if len(boundaries) == 1 else "The content type of the form names two boundaries."
    if not body.startswith(mark):
        flaw = flaw or "The form does not start with its boundary."
    parts: list[Part] = []
    start = body.find(mark)
    while start >= 0:
        after = start + len(mark)
        if start and body[start - 2 : start] != b"\r\n":
            flaw = flaw or "The boundary of the form stands inside one of its parts."
        end = body.find(mark, after)
        if end < 0:
            if not body.startswith(b"--", after):
                flaw = flaw or "The form does not end with its boundary."
            break
        part, odd = _part(body, after, end)
        flaw = flaw or odd
        if part is not None:
            parts.append(part)
        if len(parts) > MOST_PARTS:
            raise Unfit(f"The form has more than {MOST_PARTS:,} fields; no API takes so many.")
        start = end
    return Form(tuple(parts), flaw)


def _part(body: bytes, start: int, end: int) -> tuple[Part | None, str | None]:
    """What stands between two boundaries, and what is odd about it."""
    head_end = body.find(b"\r\n\r\n", start, end)
    if head_end < 0:
        return None, "A field of the form has no head."
    head = body[start:head_end]
    names = _NAME.findall(head)
    if len(names) > 1:
        raise Unfit("A field of the form has two names; send one.")
    is_file = _FILE.search(head) is not None
    odd = None
    if not names:
        odd = "A field of the form has no name."
    elif (
        not names[0].strip()
        or b"\\" in names[0]
        or not head.startswith(b"\r\n")
        or _SPACED.search(head)
        or _ODD_HEAD.search(head)
        # Of a file it is its own matter.
        or (not is_file and _ODD_TEXT.search(head))
    ):
        odd = "A field of the form has a head that not all servers read alike."
    name = names[0].decode(errors="replace") if names else ""
    value_end = end - 2 if body[end - 2 : end] == b"\r\n" and end - 2 >= head_end + 4 else end
    return Part(name, is_file, head_end + 4, value_end), odd


def texts(form: Form, body: bytes, wanted: Collection[str]) -> dict[str, str]:
    """The text of the `wanted` fields. Raises Unfit where one stands twice, is spelled otherwise, or is no short text."""
    found: dict[str, str] = {}
    for part in form.parts:
        plain = part.name.strip().casefold().removesuffix("[]")
        if plain not in wanted:
            continue
        if part.name != plain:
            raise Unfit(f"{part.name} is another spelling of {plain}; write it in lower case.")
        if part.name in found:
            raise Unfit(f"{part.name} stands twice in the form; send it once.")
        if part.is_file or part.size > MAX_NAME:
            raise Unfit(f"{part.name} is a file or too long; it must be text of at most {MAX_NAME} characters.")
        found[part.name] = body[part.start : part.end].decode(errors="replace").strip()
    return found


def opened(content_type: bytes, body: bytes, wanted: Collection[str]) -> tuple[Form, Fields]:
    """A form and its `wanted` fields, typed as JSON would have them. Raises Unfit for any flaw."""
    form = cut(content_type, body)
    if form.flaw is not None:
        raise Unfit(form.flaw)
    return form, {name: _typed(value) for name, value in texts(form, body, wanted).items()}


def _typed(value: str) -> object:
    if value.isascii() and value.isdecimal() and len(value) <= 12:
        return int(value)
    return {"true": True, "false": False, "True": True, "False": False, "": None}.get(value, value)


def renamed(body: bytes, model: str) -> bytes:
    """`body`, a form, with `model` as the text of its field of that name; itself where there is no such field.

    The boundary is the form's own first line, which `opened` has made sure of.
    """
    mark = body.partition(b"\r\n")[0]
    if not mark.startswith(b"--"):
        return body
    try:
        form = cut(b'multipart/form-data; boundary="' + mark[2:] + b'"', body)
    except Unfit:
        return body  # Its content type says that it is none, so nobody has looked at it.
    for part in form.parts:
        if part.name == "model" and not part.is_file:
            return body[: part.start] + model.encode() + body[part.end :]
    return body
