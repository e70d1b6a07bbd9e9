"""A scheduled export: what leaves, when, in which form, to where. Pure: times are computed, nothing is sent."""

import hashlib
from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from tollway.budgets.window import Calendar, Every, Fixed
from tollway.gateway import Secret

What = Literal["logs", "entries", "spend", "focus"]
Format = Literal["ndjson.gz", "csv.gz", "parquet"]
Dialect = Literal["tollway", "cloudflare"]

LOG_FIELDS = frozenset({"gateway", "provider", "model", "user", "key", "service", "status", "code", "group"})
"""What logs may be narrowed by, besides metadata.<key>."""
ENTRY_FIELDS = frozenset({"gateway", "provider", "model", "user", "key", "service", "kind", "group"})
"""What entries, and sums of them, may be narrowed by, besides metadata.<key>."""
GROUP_FIELDS = frozenset({"gateway", "provider", "model", "user", "key", "service", "group"})
"""What spend may be summed by, besides metadata.<key>."""

SEALED_COLUMNS: Mapping[Dialect, tuple[str, str, str]] = {
    "tollway": ("metadata", "request_body", "response_body"),
    "cloudflare": ("Metadata", "RequestBody", "ResponseBody"),
}
"""The columns that a public key seals."""


class FileTo(Struct, frozen=True):
    """A folder beneath the one that the process setting `export_dir` names."""

    folder: str
    """With "/" between its parts; empty for that one itself."""


class S3To(Struct, frozen=True, kw_only=True):
    """A bucket of S3, or of what speaks as S3 does."""

    bucket: str
    prefix: str = ""
    region: str = "us-east-1"
    endpoint: str | None = None
    """`None`: Amazon's own."""
    access_key_id: Secret | None = None
    """Without it, what the machine has: environment, role."""
    secret_access_key: Secret | None = None
    session_token: Secret | None = None
    path_style: bool = True
    """The bucket is a part of the path, not of the host's name."""
    allow_http: bool = False
    allow_private: bool = False


class HttpTo(Struct, frozen=True, kw_only=True):
    """Whoever takes gzipped NDJSON by POST."""

    url: Secret
    """Often a credential itself."""
    bearer: Secret | None = None
    allow_http: bool = False
    allow_private: bool = False

    @property
    def shown(self) -> str:
        """The address as it may be shown: "https://logs.example.com/…"."""
        scheme, _, rest = self.url.reveal().partition("://")
        return f"{scheme}://{rest.partition('/')[0].partition('?')[0]}/…"


class Job(Struct, frozen=True, kw_only=True):
    """One of the settings' `exports`."""

    id: str
    name: str
    what: What
    window: Fixed | Every
    """It runs where a span of this ends."""
    to: FileTo | S3To | HttpTo
    format: Format = "ndjson.gz"
    dialect: Dialect = "tollway"
    where: Mapping[str, str] = {}
    by: tuple[str, ...] = ()
    """spend: what it is summed by, besides the day."""
    timezone: str = "UTC"
    """spend: whose days."""
    bodies: bool = False
    """logs: with the bodies that are kept."""
    start: Literal["beginning", "now"] = "beginning"
    focus_version: Literal["1.2", "1.3", "1.4"] = "1.2"
    public_key: str | None = None
    """logs: PEM of the RSA key that seals."""
    enabled: bool = True


def next_due(job: Job, now: int, calendar: Calendar) -> int:
    """The first instant after `now` (both Unix milliseconds) at which it is to run."""
    end = calendar.span(job.window, now).end
    assert end is not None and end > now
    return end


def day_of(timezone: str) -> Fixed:
    """The window whose spans are the days of a zone."""
    return Fixed(period="day", timezone=timezone)


def content_digest(job: Job) -> str:
    """The same for jobs of which the same rows become the same objects, wherever those go."""
    of = job.what, sorted(job.where.items()), job.by, job.timezone, job.bodies, job.format, job.dialect
    return hashlib.sha256(msgspec.json.encode((*of, job.focus_version, job.public_key))).hexdigest()


def range_name(job: Job, generation: str, day: str, after: int, through: int) -> str:
    """Where the rows of one day (UTC) numbered after+1 to `through` go, beneath the destination's own folder; of focus, whose
    billing periods are months, those of its month.

    The same range of a generation has the same name, whenever it is written: what is written again replaces what was there. Partitions are
    named as Hive does; the numbers are padded, so that names sort as rows do.
    """
    part = f"month={day[:7]}" if job.what == "focus" else f"date={day}"
    return f"{part}/{job.id}_{after + 1:012}_{through:012}_{generation}.{job.format}"


def day_name(job: Job, day: str) -> str:
    """Where the sums of a day go; written again whenever they changed."""
    return f"date={day}/{job.id}.{job.format}"
