from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tollway.telemetry.samples import OTHER
from tollway.telemetry.sums import added_up

NAMES = {
    "spending": (
        "amount_nanodollars", "entries", "unpriced", "told", "input_tokens", "cache_read_tokens", "cache_write_tokens",
        "output_tokens", "reasoning_tokens",
    ),
    "traffic": ("requests", "refused", "errors", "cached", "saved_nanodollars", "saved_unknown", "total_us", "took_0", "took_1"),
}  # fmt: skip


class Row(NamedTuple):
    context: int
    gateway: str | None
    provider: str | None
    model: str | None
    label: str
    lowered: bool
    sums: tuple[int, ...]


def spent(context: int, amount: int, *, kind: str = "charge", lowered: bool = False) -> Row:
    return Row(context, "g", "p", f"m{context}", kind, lowered, (amount, 2, 0, 1, 100, 40, 10, 30, 5))


def test_each_token_is_in_one_class_and_money_is_charged_or_credited() -> None:
    rows = [spent(1, 50), spent(1, -20, kind="correction", lowered=True)]
    traffic = [Row(1, "g", "p", "m1", "2", False, (3, 0, 1, 1, 9, 0, 500, 2, 1))]
    (sums,) = added_up(rows, traffic, NAMES, 10)  # type: ignore[arg-type]
    assert (sums.charged, sums.credited, sums.kinds) == (50, 20, {"charge": 2, "correction": 2})
    assert sums.tokens == {"input": 100, "cache_read": 80, "cache_write": 20, "output": 50, "reasoning": 10}
    assert (sums.requests, sums.failed, sums.saved, sums.took, sums.untold) == (3, 1, 9, [2, 1], 2)


def test_all_that_have_no_line_of_their_own_are_one_and_nothing_is_lost() -> None:
    rows = [*(spent(n, n) for n in range(1, 8)), Row(0, None, None, None, "charge", False, (5, 1, 0, 0, 0, 0, 0, 0, 0))]
    found = added_up(rows, [], NAMES, 3)  # type: ignore[arg-type]
    assert {each.model for each in found} == {"m1", "m2", "m3", OTHER}
    assert sum(each.charged for each in found) == sum(range(8)) + 5


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 100)), max_size=20), st.integers(0, 6))
def test_what_is_added_later_lowers_no_line(amounts: list[tuple[int, int]], most: int) -> None:
    def lines(rows: list[Row]) -> dict[str, int]:
        return {each.model: each.charged for each in added_up(rows, [], NAMES, most)}  # type: ignore[arg-type]

    # Contexts are numbered as they come.
    rows = [spent(context, amount) for context, amount in sorted(amounts)]
    for count in range(len(rows)):
        before, after = lines(rows[:count]), lines(rows[: count + 1])
        assert all(after[model] >= charged for model, charged in before.items())
