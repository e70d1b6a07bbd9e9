"""Sums as SQL: how they are read, and that names of callers are never part of a statement."""

from typing import Any, cast

import pytest
from tests.storage.sqlite.rolling import DAY, START, Rolling, spent

from tollway.storage.analytics import Condition
from tollway.storage.asked import Piece
from tollway.storage.rolled import COARSE, FINE, PLAIN
from tollway.storage.sql.sums import sums

ODD = "\"'); DROP TABLE spending; --"


def test_a_name_that_looks_like_sql_is_a_name() -> None:
    rolling = Rolling()
    rolling.settle(START, 5, user=ODD, metadata={ODD: ODD}, groups=(ODD,))
    rolling.settle(START, 7, user="ann")
    rolling.roll()
    for field in ("user", f"metadata.{ODD}", "group"):
        where = (Condition(field=field, values=(ODD,)),)
        assert spent(rolling.ask([START, START + DAY], (field,), where=where).total.whole)[0] == 5
        begins = (Condition(field=field, values=(), prefixes=(ODD[:3],), negated=True),)
        assert spent(rolling.ask([START, START + DAY], where=begins).total.whole)[0] == 7


class _Explaining:
    """A connection that tells how what it is asked would be answered."""

    plans_by_cost = False

    def __init__(self, rolling: Rolling) -> None:
        self._connection = rolling.connection
        self.plan: list[str] = []

    def execute(self, statement: str, bindings: Any) -> list[Any]:
        rows = self._connection.execute(f"EXPLAIN QUERY PLAN {statement}", bindings)
        self.plan += [row[3] for row in rows]
        return []


@pytest.mark.parametrize(("by", "level"), [((), PLAIN), (("user",), FINE), (("kind", "metadata.team"), COARSE)])
def test_only_the_slots_that_are_asked_for_are_read_and_what_they_are_is_looked_up_once(
    by: tuple[str, ...], level: int
) -> None:
    explaining = _Explaining(Rolling())
    sums(cast("Any", explaining), "spending", ["amount_nanodollars"], [Piece(0, level, 1, 2)], by, (), level)
    assert "SEARCH r USING PRIMARY KEY (level=? AND slot>? AND slot<?)" in explaining.plan
    assert "MATERIALIZE pieces" in explaining.plan


@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_taken_away_is_taken_away(sign: int) -> None:
    rolling = Rolling()
    rolling.settle(START, 5, user="ann")
    rolling.roll()
    slot = START // DAY
    found = sums(
        rolling.connection,
        "spending",
        ["amount_nanodollars"],
        [Piece(0, FINE + 1, slot, slot + 1, sign)],
        ["user"],
        (),
        FINE,
    )
    assert found == [(0, ("ann",), [5 * sign, sign])]
    both = [Piece(0, FINE + 1, slot, slot + 1), Piece(0, FINE, slot * 24, slot * 24 + 24, -1)]
    assert sums(rolling.connection, "spending", ["amount_nanodollars"], both, ["user"], (), FINE) == [
        (0, ("ann",), [0, 0])
    ]
