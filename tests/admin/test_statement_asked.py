"""What a question about statements names, and when a month may be frozen."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from zoneinfo import reset_tzpath

import msgspec
import pytest

from tollway.admin.problem import Problem
from tollway.admin.statement_asked import Meant, dimension_of, is_frozen, may_be_frozen, meant, said, zone_of
from tollway.budgets.zone import zone_named
from tollway.statements.month import Month
from tollway.statements.statement import Frozen

NOW = int(datetime(2026, 10, 31, 23, 30, tzinfo=UTC).timestamp()) * 1000
"""In Berlin November has begun."""
BERLIN = Frozen(
    month="2026-09", by="team", timezone="Europe/Berlin", through=9, at=3, frozen_by="ada", word="x", statements=2, total=5
)  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[str]:
    """A zone that is none of IANA's, and that this machine knows."""
    rules = resources.files("tzdata").joinpath("zoneinfo", "Europe", "Berlin").read_bytes()
    (tmp_path / "home").write_bytes(rules)
    reset_tzpath((str(tmp_path),))
    yield "home"
    reset_tzpath()


def refusal(error: pytest.ExceptionInfo[Problem]) -> tuple[int, str]:
    return error.value.status, error.value.code


def test_the_month_that_is_running_is_meant_where_none_is_named() -> None:
    assert meant(None, "team", None, (), NOW) == Meant(Month(2026, 10), "team", zone_named("UTC"))
    assert meant(None, "team", "Europe/Berlin", (), NOW).month == Month(2026, 11)


def test_a_dimension_that_was_frozen_has_a_zone() -> None:
    assert zone_of(None, (BERLIN,)).key == "Europe/Berlin"
    assert zone_of("UTC", (BERLIN,)).key == "UTC"
    assert zone_of(None, ()).key == "UTC"


def test_what_was_frozen_in_a_zone_of_the_machine_is_read_in_it_and_nothing_else_is(machine: str) -> None:
    local = msgspec.structs.replace(BERLIN, timezone=machine)
    assert zone_of(None, (local,)).key == zone_of(machine, (local,)).key == machine
    with pytest.raises(Problem, match="timezone is 'home'; write an IANA name"):
        zone_of(machine, (BERLIN,))
    with pytest.raises(Problem, match="write an IANA name"):
        zone_of(None, (msgspec.structs.replace(BERLIN, timezone="../no/such"),))


def test_a_month_that_has_not_begun_is_refused_by_the_clock_of_its_zone() -> None:
    assert meant("2026-11", "team", "Europe/Berlin", (), NOW).month == Month(2026, 11)
    with pytest.raises(Problem, match="2026-11 has not begun in UTC; the month that is running is 2026-10"):
        meant("2026-11", "team", "UTC", (), NOW)


def test_only_a_month_that_is_over_may_be_frozen() -> None:
    may_be_frozen(meant("2026-10", "team", "Europe/Berlin", (), NOW), (), NOW)
    with pytest.raises(Problem, match="2026-10 is not over in UTC") as found:
        may_be_frozen(meant("2026-10", "team", "UTC", (), NOW), (), NOW)
    assert refusal(found) == (409, "month_not_over")


def test_a_month_may_be_frozen_in_the_zone_of_those_before_alone() -> None:
    may_be_frozen(meant("2026-10", "team", None, (BERLIN,), NOW), (BERLIN,), NOW)
    with pytest.raises(Problem, match="charged twice or never") as found:
        may_be_frozen(meant("2026-08", "team", "UTC", (BERLIN,), NOW), (BERLIN,), NOW)
    assert refusal(found) == (409, "statement_zone")


def test_a_dimension_has_its_one_name() -> None:
    assert dimension_of("metadata.cost_center") == "cost_center"
    with pytest.raises(Problem, match="Nothing is by group"):
        dimension_of("group")


def test_whoever_freezes_again_is_told_who_did_it_first() -> None:
    problem = is_frozen(BERLIN, "2026-10-01T00:00:00.000Z")
    assert (problem.status, problem.code) == (409, "statement_frozen")
    assert "2026-09 by team was frozen at 2026-10-01T00:00:00.000Z by ada, for ever" in problem.detail


def test_a_reason_is_a_line_without_white_space_around_it() -> None:
    assert said("word", " closed ") == "closed"
    with pytest.raises(Problem, match="word: write a line"):
        said("word", "\u202eevil")
