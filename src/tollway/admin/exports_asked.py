"""What may be asked of an export: the filters of the listing it is of, a form, and of FOCUS a period and a version."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import structs
from pydantic import BaseModel, Field

from tollway.admin.analytics_query import AnalyticsQuery
from tollway.admin.logs import LogListing
from tollway.admin.problem import Problem
from tollway.admin.where import Where, read_instant
from tollway.exports.focus_columns import Version
from tollway.exports.making import Form
from tollway.ledger.entry import Kind
from tollway.match import METADATA
from tollway.storage.fields import ENTRY_FIELDS
from tollway.storage.protocol import Filter

_LISTED = frozenset({"limit", "cursor", "after"})
"""What a listing takes and an export does not: it is of all there is."""
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
MOST_CELLS = 1_000_000
"""Groups times buckets of analytics, which are summed in memory."""


class Written(BaseModel):
    """How a file is written."""

    format: Form = "csv"
    spreadsheet: bool = Field(
        default=True,
        description="csv: texts that a spreadsheet would take for a formula have an apostrophe before them; false: as they are.",
    )


_Team = Annotated[str | None, Field(default=None, max_length=1024, description="metadata.team")]


class EntryExport(Written, Where):
    team: _Team
    kind: Kind | None = None
    request_id: str | None = Field(default=None, max_length=128)

    def filter(self, only: str | None = None) -> Filter:
        return _of_entries(super().filter(only))


class LogExport(Written, LogListing):
    def filter(self, only: str | None = None) -> Filter:
        for name in sorted(_LISTED & self.model_fields_set):
            raise _wrong(f"{name}: an export is of all there is; narrow it by since and until")
        found = super().filter(only)
        own = _LISTED | Written.model_fields.keys()
        return structs.replace(found, equals={name: value for name, value in found.equals.items() if name not in own})


class AnalyticsExport(Written, AnalyticsQuery):
    limit: int = Field(
        default=1_000,
        ge=1,
        le=10_000,
        description="How many groups; all others are one row, so rows add up to the total.",
    )


class FocusExport(Where):
    """`month`, or `from` and `to`."""

    team: _Team
    month: str | None = Field(default=None, max_length=7, description="A month (UTC): 2026-10.")
    from_: str | None = Field(default=None, alias="from", max_length=64, description="A date (UTC), or RFC 3339.")
    to: str | None = Field(default=None, max_length=64, description="In the same way, exclusive.")
    version: Version = "1.2"
    strict: bool = Field(default=False, description="1.2 without the columns that 1.3 added.")
    format: Literal["csv", "parquet"] = "csv"
    spreadsheet: bool = Field(default=True, description="As of the other exports.")

    def filter(self, only: str | None = None) -> Filter:
        """Raises Problem."""
        found = _of_entries(super().filter(only))
        if self.month is not None:
            if any(given is not None for given in (self.from_, self.to, self.since, self.until)):
                raise _wrong("month: name a month, or from and to, not both")
            since, until = month_of(self.month)
        else:
            since = found.since if self.from_ is None else _instant("from", self.from_)
            until = found.until if self.to is None else _instant("to", self.to)
        if since is None or until is None:
            raise _wrong("name a month (month=2026-10), or from and to")
        if since >= until:
            raise _wrong("from is not before to, so nothing lies between them")
        return structs.replace(found, since=since, until=until)


def month_of(text: str) -> tuple[int, int]:
    """When a month (UTC) begins, and when the next one does, in Unix milliseconds. Raises Problem."""
    found = _MONTH.fullmatch(text)
    year = int(found[1]) if found is not None else 0
    if found is None or not 1970 <= year < 9999:
        raise _wrong(f"month: {text!r} is no month; write 2026-10")
    month = int(found[2])
    first = datetime(year, month, 1, tzinfo=UTC)
    after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return int(first.timestamp()) * 1000, int(after.timestamp()) * 1000


def _of_entries(found: Filter) -> Filter:
    kept = {name: value for name, value in found.equals.items() if name in ENTRY_FIELDS or name.startswith(METADATA)}
    if "team" in found.equals:
        kept[f"{METADATA}team"] = found.equals["team"]
    return structs.replace(found, equals=kept)


def _instant(name: str, text: str) -> int:
    return read_instant(
        name, text, lambda day: int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
    )


def _wrong(words: str) -> Problem:
    return Problem(400, "parameter_invalid", f"{words}.")
