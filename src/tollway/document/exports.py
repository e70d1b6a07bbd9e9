"""Scheduled exports, from what is written to what runs: schedules, destinations, keys."""

import re
from collections.abc import Callable, Sequence
from typing import get_args
from urllib.parse import urlsplit

from tollway.budgets.window import Every, Fixed
from tollway.document.names import check_slug
from tollway.document.written_exports import ExportDocument, HttpDocument, S3Document
from tollway.errors import SettingsInvalid, WindowInvalid
from tollway.exports.job import ENTRY_FIELDS, GROUP_FIELDS, LOG_FIELDS, FileTo, Format, HttpTo, Job, S3To
from tollway.exports.sealed import read_public_key
from tollway.gateway import Secret
from tollway.ledger.entry import Kind
from tollway.match import METADATA

MOST_JOBS = 50
"""Each that is due has a batch of rows in memory, though few run at a time."""
LONGEST_S = 31 * 86_400
ALSO_S = {"m": 60, "h": 3_600, "d": 86_400}
SPEND_BY = ("gateway", "provider", "model", "user", "key", "service")

_URL = re.compile(r"(https?)://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(?:[/?](?:(?![#\\])[!-~])*)?")
_LENGTH = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_STATUS = re.compile(r"[1-5][0-9][0-9]")
_TIME = re.compile(r"[0-2][0-9]:[0-5][0-9]")
# Amazon S3, "Bucket naming rules"; older buckets of other vendors may have capitals and underscores.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_PART = re.compile(r"[A-Za-z0-9_=][A-Za-z0-9._=-]{0,127}")

Resolve = Callable[[str, str], str]


def read_exports(written: Sequence[ExportDocument], resolve: Resolve) -> tuple[Job, ...]:
    """All of them, also those that are switched off. Raises SettingsInvalid naming the job, the value and the way out, never a
    secret."""
    found: dict[str, Job] = {}
    for one in written:
        where = f'exports, job "{one.id[:64]}"'
        check_slug(one.id, f"{where}, id")
        if one.id in found:
            raise SettingsInvalid(f"{where}: the id is used twice; ids of export jobs are unique.")
        found[one.id] = _job(one, where, resolve)
    if len(found) > MOST_JOBS:
        raise SettingsInvalid(f"exports: there are {len(found)} jobs; {MOST_JOBS} are taken at most.")
    return tuple(found.values())


def _job(written: ExportDocument, where: str, resolve: Resolve) -> Job:
    chosen: Format = written.format or ("csv.gz" if written.what == "focus" else "ndjson.gz")
    _check_meaning(written, chosen, where)
    return Job(
        id=written.id,
        name=written.name,
        what=written.what,
        window=_window(written, where),
        to=_to(written, where, resolve),
        format=chosen,
        dialect=written.dialect,
        where=_where(written, where),
        by=tuple(written.by if written.by is not None else SPEND_BY) if written.what == "spend" else (),
        timezone=written.timezone,
        bodies=written.bodies,
        start=written.start,
        focus_version=written.focus_version,
        public_key=_public_key(written, where, resolve),
        enabled=written.enabled,
    )


def _check_meaning(written: ExportDocument, chosen: Format, where: str) -> None:
    """Refuses what says nothing to this kind of export, and forms that it does not have."""
    if len(written.name) > 200 or not written.name.isprintable():
        raise SettingsInvalid(f"{where}, name: it is longer than 200 characters or not on one line.")
    if written.what != "logs":
        for field, given in (
            ("dialect: cloudflare", written.dialect != "tollway"),
            ("bodies", written.bodies),
            ("public_key", written.public_key is not None),
        ):
            if given:
                raise SettingsInvalid(f'{where}: "{field}" says nothing to what: {written.what}; leave it out.')
    if written.by is not None and written.what != "spend":
        raise SettingsInvalid(f'{where}: "by" says nothing to what: {written.what}; leave it out.')
    if written.what == "focus" and chosen == "ndjson.gz":
        raise SettingsInvalid(f"{where}, format: FOCUS is written as csv.gz or parquet, not as ndjson.gz.")
    if written.public_key is not None and chosen != "ndjson.gz":
        raise SettingsInvalid(
            f"{where}, format: sealed columns are objects, which {chosen} has no room for; use ndjson.gz."
        )
    if written.to.http is not None and chosen != "ndjson.gz":
        raise SettingsInvalid(f"{where}, format: by HTTP goes ndjson.gz alone; send {chosen} to file or s3.")
    if written.start == "now" and written.what == "spend":
        raise SettingsInvalid(f'{where}: "start" says nothing to what: spend; leave it out.')


def _window(written: ExportDocument, where: str) -> Fixed | Every:
    every = written.every
    length = _LENGTH.fullmatch(every)
    if length is not None:
        for field in ("at", "on_day"):
            if getattr(written, field) is not None:
                raise SettingsInvalid(f'{where}: "{field}" says nothing to every: {every}; leave it out.')
        seconds = int(length[1]) * ALSO_S[length[2]]
        if seconds > LONGEST_S:
            raise SettingsInvalid(f"{where}, every: {every} is longer than 31 days; write month.")
        # The zone is that of days and months; a schedule of minutes has none, but a wrong one is wrong all the same.
        _fixed(where, "day", written.timezone)
        return Every(seconds=seconds)
    if every not in ("day", "month"):
        raise SettingsInvalid(f"{where}, every: {every[:32]!r} is no schedule; write 15m, 6h, 7d, day or month.")
    if written.at is not None and _TIME.fullmatch(written.at) is None:
        raise SettingsInvalid(f'{where}, at: {written.at[:32]!r} is no time of day; write "02:30".')
    if every == "day":
        if written.on_day is not None:
            raise SettingsInvalid(f'{where}: "on_day" says nothing to every: day; leave it out.')
        return _fixed(where, "day", written.timezone, anchor_time=written.at or "00:00")
    day = 1 if written.on_day is None else written.on_day
    if not 1 <= day <= 31:
        raise SettingsInvalid(f"{where}, on_day: {day} is no day of a month; write 1 to 31.")
    return _fixed(where, "month", written.timezone, anchor_time=written.at or "00:00", anchor_day=day)


def _fixed(where: str, period: str, timezone: str, **anchors: str | int) -> Fixed:
    try:
        return Fixed(period=period, timezone=timezone, **anchors)  # pyright: ignore[reportArgumentType]
    except WindowInvalid as error:
        raise SettingsInvalid(f"{where}: {error}.") from None


def _to(written: ExportDocument, where: str, resolve: Resolve) -> FileTo | S3To | HttpTo:
    to = written.to
    given = [name for name in ("file", "s3", "http") if getattr(to, name) is not None]
    if len(given) != 1:
        raise SettingsInvalid(f'{where}, to: write one of "file" (a folder), "s3" (a bucket) and "http" (a URL).')
    if to.file is not None:
        return FileTo(_folder(to.file, f"{where}, to.file"))
    if to.s3 is not None:
        return _s3(to.s3, f"{where}, to.s3", resolve)
    assert to.http is not None
    return _http(to.http, f"{where}, to.http", resolve)


def _folder(text: str, where: str) -> str:
    """A path whose every part is a plain name, so that it cannot lead out of where it begins."""
    stripped = text.strip("/")
    if text.startswith("/") or not all(_PART.fullmatch(part) for part in stripped.split("/") if stripped):
        raise SettingsInvalid(
            f'{where}: {text[:128]!r} is no path that can only lead further in; write names of letters, digits, ".", "_", "=" '
            'and "-" with "/" between them, such as tollway/logs.'
        )
    return stripped


def _s3(written: S3Document, where: str, resolve: Resolve) -> S3To:
    if _BUCKET.fullmatch(written.bucket) is None:
        raise SettingsInvalid(f"{where}.bucket: {written.bucket[:64]!r} is no name of a bucket.")
    if not all(part.isascii() and part.isalnum() for part in written.region.split("-")):
        raise SettingsInvalid(f"{where}.region: {written.region[:64]!r} is no region, such as eu-central-1.")
    if (written.access_key_id is None) != (written.secret_access_key is None):
        raise SettingsInvalid(
            f"{where}: write both access_key_id and secret_access_key, or neither, for what the machine has."
        )
    if written.session_token is not None and written.access_key_id is None:
        raise SettingsInvalid(f"{where}: session_token says nothing without access_key_id; leave it out.")
    if written.endpoint is not None:
        endpoint = written.endpoint
        _check_url(endpoint, f"{where}.endpoint", allow_http=written.allow_http, example="https://s3.example.com")
        if urlsplit(endpoint).query:
            raise SettingsInvalid(f"{where}.endpoint: it has a query; write https://s3.example.com.")

    def secret(name: str) -> Secret | None:
        reference: str | None = getattr(written, name)
        return None if reference is None else Secret(_filled(resolve(reference, f"{where}.{name}"), f"{where}.{name}"))

    return S3To(
        bucket=written.bucket,
        prefix=_folder(written.prefix, f"{where}.prefix"),
        region=written.region,
        endpoint=written.endpoint.rstrip("/") if written.endpoint is not None else None,
        access_key_id=secret("access_key_id"),
        secret_access_key=secret("secret_access_key"),
        session_token=secret("session_token"),
        path_style=written.path_style,
        allow_http=written.allow_http,
        allow_private=written.allow_private,
    )


def _http(written: HttpDocument, where: str, resolve: Resolve) -> HttpTo:
    url = resolve(written.url, f"{where}.url") if written.url.startswith(("env:", "file:", "sealed:")) else written.url
    _check_url(url, f"{where}.url", allow_http=written.allow_http, example="https://logs.example.com/tollway")
    bearer = None
    if written.bearer is not None:
        text = _filled(resolve(written.bearer, f"{where}.bearer"), f"{where}.bearer")
        # RFC 9110, 5.5: what is no visible ASCII is no field value that everybody reads alike.
        if not text.isascii() or not text.isprintable() or " " in text:
            raise SettingsInvalid(f"{where}.bearer: the secret has characters that no header may have.")
        bearer = Secret(text)
    return HttpTo(url=Secret(url), bearer=bearer, allow_http=written.allow_http, allow_private=written.allow_private)


def _check_url(url: str, where: str, *, allow_http: bool, example: str) -> None:
    """The URL is never shown: it may be a credential."""
    shape = _URL.fullmatch(url)
    if shape is None or not 0 < int(shape[2] or 443) < 65_536:
        raise SettingsInvalid(f"{where}: this is not an https URL without user and fragment, such as {example}.")
    if shape[1] == "http" and not allow_http:
        raise SettingsInvalid(
            f'{where}: the URL has no TLS. Use https, or set "allow_http: true" for a receiver on your own network.'
        )


def _filled(text: str, where: str) -> str:
    if not text or text == "none":
        raise SettingsInvalid(f"{where}: the secret is empty; leave the field out where none is needed.")
    return text


def _where(written: ExportDocument, where: str) -> dict[str, str]:
    known = LOG_FIELDS if written.what == "logs" else ENTRY_FIELDS
    for name, value in written.where.items():
        _check_field(name, known, f"{where}, where")
        _check_value(name, value, f"{where}, where")
    by = written.by or []
    for name in by:
        _check_field(name, GROUP_FIELDS, f"{where}, by")
        if by.count(name) > 1:
            raise SettingsInvalid(f'{where}, by: "{name[:64]}" stands there twice; name each field once.')
    return {name: str(value) for name, value in written.where.items()}


def _check_field(name: str, known: frozenset[str], where: str) -> None:
    if name not in known and not (name.startswith(METADATA) and len(name) > len(METADATA)):
        raise SettingsInvalid(
            f'{where}: "{name[:64]}" is no field; there are {", ".join(sorted(known))} and metadata.<key>.'
        )


def _check_value(name: str, value: str | int, where: str) -> None:
    """Refuses what no row can have."""
    if name == "status" and _STATUS.fullmatch(str(value)) is None:
        raise SettingsInvalid(
            f"{where}, status: {str(value)[:32]!r} is no status; write one from 100 to 599, such as 403."
        )
    if name == "kind" and value not in get_args(Kind):
        kinds = ", ".join(get_args(Kind))
        raise SettingsInvalid(f"{where}, kind: {str(value)[:32]!r} is no kind of entry; there are {kinds}.")


def _public_key(written: ExportDocument, where: str, resolve: Resolve) -> str | None:
    if written.public_key is None:
        return None
    inline = written.public_key.lstrip().startswith("-----BEGIN")
    pem = written.public_key if inline else resolve(written.public_key, f"{where}, public_key")
    try:
        read_public_key(pem)
    except ValueError as error:
        raise SettingsInvalid(f"{where}, public_key: {error}.") from None
    return pem
