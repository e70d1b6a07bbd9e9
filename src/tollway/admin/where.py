"""Query parameters: which records or entries are meant, and what an instant and a page are."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Self

from fastapi import Request
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from tollway.admin.problem import Problem
from tollway.match import METADATA
from tollway.storage.protocol import Filter

_Text = Annotated[str | None, Field(default=None, max_length=1024)]
_FIRST_MS = -62_135_596_800_000
"""0001-01-01T00:00:00Z, the first instant that can be written again."""
_LAST_MS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z."""
_KEPT_UNTIL_MS = 253_370_764_800_000
"""9999-01-01T00:00:00Z: what is counted by calendars has a day behind it in every zone."""
_NO_INSTANT = "is no instant; write 2026-07-01 or 2026-07-01T13:00:00Z"


def _instant_of(value: Any, judge: ValidatorFunctionWrapHandler) -> datetime:
    """A date begins at midnight in UTC."""
    written = _written(value) if isinstance(value, str) else None
    if isinstance(written, datetime) and written.tzinfo is None:
        raise PydanticCustomError("parameter_invalid", "{said}", {"said": _zoneless(str(value), written)})
    if written is not None and not isinstance(written, datetime):
        return datetime(written.year, written.month, written.day, tzinfo=UTC)
    try:
        found: datetime = judge(value)
    except ValidationError:
        said = {"said": f"{str(value)[:64]!r} {_NO_INSTANT}"}
        raise PydanticCustomError("parameter_invalid", "{said}", said) from None
    return found


Moment = Annotated[AwareDatetime, WrapValidator(_instant_of)]
"""A query parameter: an instant, or a date in UTC."""


class Where(BaseModel):
    """What all listings can be narrowed by. `metadata.<key>=value` is taken too, once for each key. An empty value (`user=`)
    asks for what has none."""

    model_config = ConfigDict(extra="allow")

    gateway: _Text
    provider: _Text
    model: _Text
    user: _Text
    key: _Text
    service: _Text
    group: _Text
    since: Moment | None = Field(default=None, description="RFC 3339 with a zone, or a date (UTC), inclusive.")
    until: Moment | None = Field(default=None, description="RFC 3339 with a zone, or a date (UTC), exclusive.")

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, value in (self.model_extra or {}).items():
            if not name.startswith(METADATA) or len(name) == len(METADATA):
                known = ", ".join(sorted(type(self).model_fields))
                raise PydanticCustomError(
                    "parameter_unknown",
                    'There is no query parameter "{name}" here; there are {known} and metadata.<key>.',
                    {"name": name, "known": known},
                )
            if not isinstance(value, str) or len(value) > 1024:
                raise PydanticCustomError("parameter_invalid", "{name} is given twice or is too long", {"name": name})
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise PydanticCustomError("parameter_invalid", "since is not before until, so nothing lies between them")
        return self

    def filter(self, only: str | None = None) -> Filter:
        """The same as the store is asked it; of one user alone where `only` names one. Raises Problem where another is asked
        for."""
        if only is not None and self.user not in (None, only):
            raise Problem(403, "forbidden", f"user: your role sees what is your own alone, that of {only}.")
        fields = self.model_dump(exclude={"since", "until", "limit", "cursor", "group_by"}, exclude_none=True)
        return Filter(
            since=milliseconds(self.since),
            until=milliseconds(self.until),
            equals={name: str(value) for name, value in fields.items()} | ({} if only is None else {"user": only}),
        )


class Listing(Where):
    """A page of what is narrowed down, newest first."""

    limit: int = Field(default=50, ge=1, le=500)
    cursor: str | None = Field(default=None, max_length=512, description="`next` of the page before.")


def no_parameters(request: Request) -> None:
    """For what takes no query parameters: one that is sent is refused, not silently ignored."""
    for name in request.query_params:
        raise Problem(400, "parameter_unknown", f'There is no query parameter "{name}" here; this path takes none.')


def given_once(request: Request) -> None:
    """For what takes one value of each query parameter: another is refused. To read one of them would answer, or delete, something
    else than was asked for."""
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if names.count(name) > 1:
            raise Problem(400, "parameter_invalid", f"{name[:64]} is given twice; it takes one value here.")


def milliseconds(instant: datetime | None) -> int | None:
    """Unix milliseconds of an instant with a zone; `None` of none.

    The first day that there is begins later in UTC than in zones to the east of it, and the last ends earlier: what lies
    outside of UTC's years 1 to 9999 is its first, or last, instant, before and behind which nothing lies.
    """
    if instant is None:
        return None
    since_epoch = instant - datetime(1970, 1, 1, tzinfo=UTC)
    found = since_epoch.days * 86_400_000 + since_epoch.seconds * 1000 + since_epoch.microseconds // 1000
    return min(max(found, _FIRST_MS), _LAST_MS)


def read_instant(name: str, text: str, midnight: Callable[[date], int]) -> int:
    """Unix milliseconds of a parameter that is RFC 3339, or a date, which begins at `midnight`. Raises Problem."""
    written = _written(text)
    if written is None:
        raise _wrong(f"{name}: {text!r} {_NO_INSTANT}")
    if isinstance(written, datetime) and written.tzinfo is None:
        raise _wrong(f"{name}: {_zoneless(text, written)}")
    try:
        found = milliseconds(written) if isinstance(written, datetime) else midnight(written)
    except (ValueError, OverflowError):
        found = None
    if found is None or not 0 <= found <= _KEPT_UNTIL_MS:
        raise _wrong(f"{name}: {text!r} is beyond what is kept; write an instant from 1970 to the end of 9998")
    return found


def _written(text: str) -> datetime | date | None:
    """A date or an instant, with a zone or without one; `None` of what is neither."""
    try:
        # ISO 8601 may leave the hyphens out.
        day = len(text) in (len("2026-07-01"), len("20260701"))
        return date.fromisoformat(text) if day else datetime.fromisoformat(text)
    except ValueError:
        return None


def _zoneless(text: str, moment: datetime) -> str:
    return f"{text!r} has no zone; write {moment.isoformat()}Z, or a date alone"


def _wrong(words: str) -> Problem:
    return Problem(400, "parameter_invalid", f"{words}.")
