"""A scheduled export as it is written."""

from typing import Literal

from tollway.document.strict import Written


class S3Document(Written, frozen=True):
    """A bucket of S3, or of what speaks as S3 does."""

    bucket: str
    prefix: str = ""
    region: str = "us-east-1"
    endpoint: str | None = None
    """https://... of another than Amazon's."""
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    """References; without them, what the machine has."""
    path_style: bool = True
    allow_http: bool = False
    allow_private: bool = False


class HttpDocument(Written, frozen=True):
    """Whoever takes gzipped NDJSON by POST."""

    url: str
    """As a reference where it is a credential itself."""
    bearer: str | None = None
    """A reference: what stands behind `Authorization: Bearer`."""
    allow_http: bool = False
    allow_private: bool = False


class ToDocument(Written, frozen=True):
    """Where it goes: one of these."""

    file: str | None = None
    """A folder beneath the one of the process setting `export_dir`: "tollway/logs"; "" for that one itself."""
    s3: S3Document | None = None
    http: HttpDocument | None = None


class ExportDocument(Written, frozen=True):
    """What leaves, when, in which form, to where."""

    id: str
    what: Literal["logs", "entries", "spend", "focus"]
    every: str
    """ "15m", "6h", "7d", "day" or "month"."""
    to: ToDocument
    name: str = ""
    at: str | None = None
    """day, month: "02:30"; midnight where it is not written."""
    on_day: int | None = None
    """month: the day it runs on; the first where it is not written."""
    timezone: str = "UTC"
    """Of `at`, and of the days of spend."""
    format: Literal["ndjson.gz", "csv.gz", "parquet"] | None = None
    """ndjson.gz where it is not written; csv.gz of focus."""
    dialect: Literal["tollway", "cloudflare"] = "tollway"
    """logs: cloudflare adds the columns of Cloudflare's Logpush."""
    where: dict[str, str | int] = {}
    """Field → the value it must have."""
    by: list[str] | None = None
    """spend: what it is summed by, besides the day."""
    bodies: bool = False
    """logs: with the bodies that are kept."""
    start: Literal["beginning", "now"] = "beginning"
    """From which row on, when it runs for the first time."""
    focus_version: Literal["1.2", "1.3", "1.4"] = "1.2"
    public_key: str | None = None
    """logs: PEM of an RSA key, or a reference to it, with which metadata and bodies are sealed."""
    enabled: bool = True
