"""Asking a gateway for a file, and writing it: as a whole, or not at all."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tollway.cli.client import Client
from tollway.cli.questions import Asking, answered, pairs_of, read_instant
from tollway.cli.shown import complain, count

FORMS = ("csv", "parquet", "ndjson")
STANDARD_OUTPUT = "-"
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


class Wanted(NamedTuple):
    """A file that is asked for."""

    what: str
    query: Sequence[tuple[str, str]]
    since_name: str
    """How the API calls the beginning of a range."""
    until_name: str
    output: str
    month: str | None
    since: str | None
    until: str | None
    where: Sequence[str]
    form: str | None


def export_file(wanted: Wanted, url: str | None, token: str | None, data: str | None) -> int:
    """1 where it could not be had, once the reason why not has been told."""

    def ask(client: Client) -> int:
        form = form_of(wanted.form, wanted.output)
        query = [*wanted.query, *pairs_of("--where", wanted.where), *span(wanted), ("format", form)]
        if wanted.output == STANDARD_OUTPUT:
            if form == "parquet" and sys.stdout.isatty():
                raise ValueError("-o: Parquet is not for a terminal; name a file")
            return client.download(f"/api/v1/exports/{wanted.what}", query, sys.stdout.buffer)
        return _written(client, f"/api/v1/exports/{wanted.what}", query, Path(wanted.output))

    size = answered(Asking(url, token, data, as_json=False), ask)
    if size is None:
        return 1
    if wanted.output != STANDARD_OUTPUT:
        # Beside the file, for standard output may be read by a program.
        complain(f"{wanted.output}: {count(size)} bytes")
    return 0


def form_of(given: str | None, output: str) -> str:
    """The form that is asked for, or the one that the file's ending names. Raises ValueError."""
    form = given if given is not None else Path(output).suffix.removeprefix(".").lower()
    if form in FORMS:
        return form
    if given is not None:
        raise ValueError(f"--format: {given!r} is none; choose from {', '.join(FORMS)}")
    return FORMS[0]


def span(wanted: Wanted) -> list[tuple[str, str]]:
    """The range as the API is asked for it. Raises ValueError."""
    if wanted.month is None:
        given = ((wanted.since_name, "--since", wanted.since), (wanted.until_name, "--until", wanted.until))
        return [(name, read_instant(option, text)) for name, option, text in given if text is not None]
    if wanted.since is not None or wanted.until is not None:
        raise ValueError("--month: name a month, or --since and --until, not both")
    found = _MONTH.fullmatch(wanted.month)
    if found is None or found[1] in ("0000", "9999"):
        raise ValueError(f"--month: {wanted.month!r} is no month; write 2026-10")
    if wanted.what == "focus":
        return [("month", wanted.month)]
    year, month = int(found[1]), int(found[2])
    first = f"{wanted.month}-01"
    after = f"{year + month // 12:04}-{month % 12 + 1:02}-01"
    # Analytics take a date of their own zone; the others an instant.
    clock = "" if wanted.what == "analytics" else "T00:00:00Z"
    return [(wanted.since_name, first + clock), (wanted.until_name, after + clock)]


def _written(client: Client, path: str, query: Sequence[tuple[str, str]], target: Path) -> int:
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        try:
            file: BinaryIO = unfinished.open("wb")
        except OSError as error:
            raise ValueError(f"-o: {target} cannot be written: {error.strerror}") from None
        with file:
            size = client.download(path, query, file)
        unfinished.replace(target)
        return size
    finally:
        unfinished.unlink(missing_ok=True)
