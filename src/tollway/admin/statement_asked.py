"""What a question about statements names: a month, a dimension, a zone. And when a month may be frozen."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.budgets.zone import UTC, wrong_zone, zone_named
from tollway.statements.month import Month, month_of, read_month
from tollway.statements.statement import DIMENSIONS, Frozen, field_of, name_of
from tollway.storage.billing import Damaged


class Meant(NamedTuple):
    """The statements that are meant."""

    month: Month
    by: str
    zone: ZoneInfo


def dimension_of(by: str) -> str:
    """The one name of a dimension. Raises Problem."""
    if field_of(by) is None:
        known = ", ".join(DIMENSIONS)
        raise Problem(
            400,
            "parameter_invalid",
            f'by: there are no statements by "{by[:64]}"; choose from {known} and metadata.<key>. Nothing is by group, as '
            "somebody may be in several and would be charged twice.",
        )
    return name_of(by)


async def freezes_of(runtime: Runtime, by: str | None) -> Sequence[Frozen]:
    """Of one dimension, or of all, the latest month first. Raises Problem where one is not what was frozen."""
    try:
        return await runtime.store.billing.freezes(by)
    except Damaged as error:
        raise damaged(error) from None


def damaged(error: Damaged) -> Problem:
    return Problem(500, "statement_damaged", str(error))


def zone_of(asked: str | None, freezes: Sequence[Frozen]) -> ZoneInfo:
    """The zone that was asked for; without one, that in which the dimension's months were frozen; else UTC. Raises Problem."""
    name = asked or (freezes[0].timezone if freezes else UTC)
    wrong = wrong_zone(name)
    if wrong is None:
        return zone_named(name)
    # Any zone that the machine knew was taken once, and what was frozen in it stays as it is.
    if any(frozen.timezone == name for frozen in freezes):
        with suppress(ZoneInfoNotFoundError, ValueError, OSError):
            return ZoneInfo(name)
    raise Problem(400, "parameter_invalid", f"{wrong}.")


def meant(month: str | None, by: str, timezone: str | None, freezes: Sequence[Frozen], now: int) -> Meant:
    """What is asked for; the month that is running where none is named. Raises Problem."""
    zone = zone_of(timezone, freezes)
    current = month_of(now, zone)
    found = current if month is None else read_month(month)
    if found is None:
        raise Problem(400, "parameter_invalid", f"month: {month!r:.40} is no month; write one such as {current}.")
    if found > current:
        raise Problem(
            400,
            "parameter_invalid",
            f"month: {found} has not begun in {zone.key}; the month that is running is {current}.",
        )
    return Meant(found, by, zone)


def may_be_frozen(asked: Meant, freezes: Sequence[Frozen], now: int) -> None:
    """Raises Problem unless the month is over, is not frozen, and has the zone of all others of its dimension."""
    month, by, zone = asked
    current = month_of(now, zone)
    if month >= current:
        raise Problem(
            409,
            "month_not_over",
            f"{month} is not over in {zone.key}, so it cannot be frozen yet; the last month that is over is {current.before}.",
        )
    if freezes and freezes[0].timezone != zone.key:
        raise Problem(
            409,
            "statement_zone",
            f"Statements by {by} are frozen in {freezes[0].timezone} ({freezes[-1].month} to {freezes[0].month}). In {zone.key} "
            "months begin at other instants, so some requests would be charged twice or never. Leave timezone out.",
        )


def is_frozen(frozen: Frozen, at: str) -> Problem:
    """What is said to whoever freezes a month again."""
    return Problem(
        409,
        "statement_frozen",
        f"{frozen.month} by {frozen.by} was frozen at {at} by {frozen.frozen_by}, for ever. What is booked for it now is an "
        "adjustment in the statement of the month in which it is booked.",
    )


def said(name: str, text: str) -> str:
    """A text of one line, without white space around it. Raises Problem."""
    found = text.strip()
    # A page cannot hold what is not printable, nor the ledger half a surrogate pair.
    if not found or not found.isprintable():
        raise Problem(400, "body_invalid", f"{name}: write a line of printable characters.")
    return found
