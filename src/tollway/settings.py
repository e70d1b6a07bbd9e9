"""Process settings as one table: where it listens, where it keeps its data. Everything about money is in `tollway.yaml`.

A command-line option beats an environment variable, which beats the default.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from tollway.errors import SettingsInvalid
from tollway.storage.postgres.url import read as read_url
from tollway.storage.postgres.url import without_password


class Setting(NamedTuple):
    """One row of the table."""

    name: str
    environment: str
    default: str
    unit: str
    help: str


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "host",
        "TOLLWAY_HOST",
        "127.0.0.1",
        "address",
        "Where it listens. Put TLS in front before opening it to others.",
    ),
    Setting("port", "TOLLWAY_PORT", "8787", "port", "0 takes any free one."),
    Setting("data", "TOLLWAY_DATA", "./tollway-data", "folder", "Where the ledger is kept."),
    Setting(
        "database",
        "TOLLWAY_DATABASE_URL",
        "",
        "postgresql://user:password@host/database",
        "Keeps ledger, log and all else that is counted in PostgreSQL, in a database that this gateway has to itself. Empty: in a file "
        "in the data folder. The password is better in the environment.",
    ),
    Setting(
        "config",
        "TOLLWAY_CONFIG",
        "",
        "file",
        "The settings document. Empty: tollway.yaml in this folder, else the one in the data folder, made at the first start.",
    ),
    Setting(
        "durability",
        "TOLLWAY_DURABILITY",
        "relaxed",
        "relaxed | strict",
        "What a loss of power may take: relaxed, the last 50 ms; strict, nothing, for an fsync with each commit.",
    ),
    Setting("drain", "TOLLWAY_DRAIN_S", "120", "seconds", "How long running streams may go on after SIGTERM."),
    Setting(
        "drain_delay",
        "TOLLWAY_DRAIN_DELAY_S",
        "0",
        "seconds",
        "How long new requests are still taken after SIGTERM, for load balancers to notice.",
    ),
    Setting(
        "audit_anchors",
        "TOLLWAY_AUDIT_ANCHORS",
        "",
        "file",
        "Where the head of the audit log is signed and kept, a line each 5 minutes; best on another machine's disk, for this "
        "gateway alone. Empty: audit-anchors.jsonl in the data folder.",
    ),
    Setting(
        "cache_size",
        "TOLLWAY_CACHE_SIZE_MB",
        "1024",
        "megabytes",
        "How much of kept answers the data folder holds, in a file of its own; 0: none, so that they are in memory alone.",
    ),
    Setting(
        "cache_memory", "TOLLWAY_CACHE_MEMORY_MB", "64", "megabytes", "How much of them is in memory, those of late."
    ),
    Setting(
        "log_retention_days",
        "TOLLWAY_LOG_RETENTION_DAYS",
        "0",
        "days",
        "How long requests stay in the log; 0: for ever. The ledger and the figures of analytics always stay.",
    ),
    Setting(
        "log_retention_rows",
        "TOLLWAY_LOG_RETENTION_ROWS",
        "0",
        "requests",
        "How many requests stay in the log at most, the newest; 0: all.",
    ),
    Setting(
        "body_retention_days",
        "TOLLWAY_BODY_RETENTION_DAYS",
        "30",
        "days",
        "How long the bodies of requests are kept, of gateways that keep them; 0: as long as their requests stay in the log.",
    ),
    Setting(
        "body_retention_requests",
        "TOLLWAY_BODY_RETENTION_REQUESTS",
        "0",
        "requests",
        "Of how many requests bodies are kept at most, the newest; 0: of all.",
    ),
    Setting(
        "bodies_size",
        "TOLLWAY_BODIES_SIZE_MB",
        "10240",
        "megabytes",
        "How much the file of bodies may hold, compressed; the oldest go. 0: any.",
    ),
    Setting(
        "export_dir",
        "TOLLWAY_EXPORT_DIR",
        "",
        "folder",
        "Beneath which scheduled exports may write files; it has to be there. Empty: nowhere.",
    ),
    Setting(
        "metrics_series",
        "TOLLWAY_METRICS_SERIES",
        "500",
        "series",
        "How many gateways with a provider and a model have lines of their own in /metrics; all others are one. At most 1,000.",
    ),
    Setting(
        "metrics_accounts",
        "TOLLWAY_METRICS_ACCOUNTS",
        "0",
        "accounts",
        "How many accounts of each split budget have lines of their own in /metrics, the fullest; their names tell users, keys and "
        "teams. All others are one.",
    ),
    Setting("log_level", "TOLLWAY_LOG_LEVEL", "info", "debug | info | warning | error", "What goes to standard error."),
)


Origin = Literal["option", "environment", "default"]
"""Where a process setting comes from."""


class ProcessSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The table, read."""

    host: str
    port: int
    data: Path
    config: Path | None
    database: str | None = None
    """The URL of a PostgreSQL database."""
    durability: Literal["relaxed", "strict"]
    drain_s: float
    drain_delay_s: float
    log_level: str
    audit_anchors: Path | None = None
    cache_size_mb: int = 1_024
    cache_memory_mb: int = 64
    log_retention_days: int = 0
    log_retention_rows: int = 0
    metrics_series: int = 500
    metrics_accounts: int = 0
    export_dir: Path | None = None
    body_retention_days: int = 30
    body_retention_requests: int = 0
    bodies_size_mb: int = 10_240

    origins: dict[str, tuple[str, Origin]] = {}
    """Name of a setting → what is in force as it was written, and where."""

    @property
    def place(self) -> Path | str:
        """Where the store is: a URL, or the data folder."""
        return self.database or self.data

    @property
    def anchors(self) -> Path:
        """The file of the audit log's anchors."""
        return self.audit_anchors or self.data / "audit-anchors.jsonl"

    @property
    def own_document(self) -> Path:
        """The settings document that a first start makes."""
        return self.data / "tollway.yaml"

    @property
    def document(self) -> Path:
        """The settings document in force: the one named, else the one in this folder, else our own."""
        here = Path("tollway.yaml")
        return self.config or (here if here.is_file() else self.own_document)

    @property
    def lenient(self) -> bool:
        """Whether a provider whose key is not in the environment is simply without one: in the document we made."""
        return self.document.absolute() == self.own_document.absolute()


def read_settings(given: Mapping[str, str | None], environment: Mapping[str, str] = os.environ) -> ProcessSettings:
    """The settings in force. Raises SettingsInvalid naming the option, the value and what it may be."""
    values = {row.name: given.get(row.name) or environment.get(row.environment) or row.default for row in SETTINGS}
    durability = values["durability"]
    if durability not in ("relaxed", "strict"):
        raise SettingsInvalid(f"--durability: {durability!r} is neither relaxed nor strict.")
    if values["log_level"] not in ("debug", "info", "warning", "error"):
        raise SettingsInvalid(f"--log-level: {values['log_level']!r} is none of debug, info, warning, error.")
    return ProcessSettings(
        host=values["host"],
        port=_whole("port", values["port"], 65_535),
        data=Path(values["data"]).expanduser(),
        config=Path(values["config"]).expanduser() if values["config"] else None,
        database=_database(values["database"]),
        durability=durability,
        drain_s=_whole("drain", values["drain"], 86_400),
        drain_delay_s=_whole("drain-delay", values["drain_delay"], 3_600),
        log_level=values["log_level"],
        cache_size_mb=_whole("cache-size", values["cache_size"], 1_048_576),
        cache_memory_mb=_whole("cache-memory", values["cache_memory"], 65_536),
        log_retention_days=_whole("log-retention-days", values["log_retention_days"], 36_500),
        log_retention_rows=_whole("log-retention-rows", values["log_retention_rows"], 999_999_999),
        body_retention_days=_whole("body-retention-days", values["body_retention_days"], 36_500),
        body_retention_requests=_whole("body-retention-requests", values["body_retention_requests"], 999_999_999),
        bodies_size_mb=_whole("bodies-size", values["bodies_size"], 100_000_000),
        metrics_series=_whole("metrics-series", values["metrics_series"], 1_000),
        metrics_accounts=_whole("metrics-accounts", values["metrics_accounts"], 10_000),
        export_dir=Path(values["export_dir"]).expanduser() if values["export_dir"] else None,
        audit_anchors=Path(values["audit_anchors"]).expanduser() if values["audit_anchors"] else None,
        origins={row.name: (_shown(row.name, values[row.name]), _origin(row, given, environment)) for row in SETTINGS},
    )


def _database(url: str) -> str | None:
    if not url:
        return None
    try:
        read_url(url)
    except ValueError as error:
        raise SettingsInvalid(f"--database: the URL cannot be used: {str(error).rstrip('.')}.") from None
    return url


def _shown(name: str, value: str) -> str:
    """A setting as it was written, but for a password."""
    if name != "database" or not value:
        return value
    return f"postgresql://{without_password(value)}"


def _origin(row: Setting, given: Mapping[str, str | None], environment: Mapping[str, str]) -> Origin:
    return "option" if given.get(row.name) else "environment" if environment.get(row.environment) else "default"


def _whole(name: str, text: str, largest: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9) or int(text) > largest:
        raise SettingsInvalid(f"--{name}: {text!r} is not a whole number from 0 to {largest:,}.")
    return int(text)
