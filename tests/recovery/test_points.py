"""A gateway that dies at any named point, and the next one's books: what the provider billed, or more and said so."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from gateway import RunningGateway
from town import Kind, amount, ask, assert_books_balance, bill, entries, failing, provider, settings

SLOWEST_DEATH_S = 20
ALWAYS = (
    "after_reserve",
    "after_intent",
    "before_dispatch",
    "after_first_byte",
    "after_last_byte",
    "after_settle",
    "after_ledger",
)


class Case(NamedTuple):
    """Where a gateway dies, with what under way."""

    kind: Kind
    point: str

    @property
    def id(self) -> str:
        return f"{self.kind}.{self.point}"


EVERY = [
    *(Case("plain", point) for point in ALWAYS),
    *(Case("unmetered", point) for point in (*ALWAYS, "mid_stream@3", "mid_stream@30")),
    # 900 tokens are 4,500 bytes: the hold of 2,048 is raised after some 13 pieces, and again.
    *(Case("metered", point) for point in (*ALWAYS, "mid_stream@3", "mid_stream@20", "after_extend", "after_extend@2")),
    *(Case("shrinking", point) for point in ("after_shrink", "mid_stream@3", "mid_stream@20", "after_extend", "after_settle")),
]  # fmt: skip
GATE = [
    Case("plain", "after_reserve"), Case("plain", "after_intent"), Case("plain", "after_settle"),
    Case("plain", "after_ledger"), Case("unmetered", "after_last_byte"), Case("metered", "mid_stream@20"),
    Case("metered", "after_extend"), Case("shrinking", "after_shrink"),
]  # fmt: skip


def die(gateway: RunningGateway, case: Case) -> None:
    """Starts a gateway that dies at the point of a case, with a request of its kind under way."""
    with failing(f"{case.point}=kill"):
        gateway.start()
    ask(gateway, case.kind, case.id)
    assert gateway.process is not None
    assert gateway.process.wait(SLOWEST_DEATH_S) == -9, f"{case.id} was not passed"


def die_while_starting(gateway: RunningGateway, point: str) -> None:
    gateway.url = ""
    with failing(f"{point}=kill"), pytest.raises(AssertionError, match="did not start"):
        gateway.start()
    assert gateway.process is not None and gateway.process.returncode == -9, f"{point} was not passed"


def compare(gateway: RunningGateway, address: str, cases: Sequence[Case]) -> dict[str, tuple[str, int, int]]:
    """Each case's entry beside the provider's bill: (kind, booked, billed)."""
    billed, calls = bill(address)["by_id"], bill(address)["calls"]
    booked = {each["metadata"]["id"]: each for each in entries(gateway)}
    assert len(booked) == len(entries(gateway)), "an attempt has two entries"
    assert billed.keys() <= booked.keys(), "sent without an intent"
    told: dict[str, tuple[str, int, int]] = {}
    for case in cases:
        owed = billed.get(case.id, 0)
        if case.point == "after_reserve":
            assert case.id not in booked and case.id not in calls, "nothing was durable, and nothing may have been sent"
            told[case.id] = ("none", 0, owed)
            continue
        entry = booked[case.id]
        told[case.id] = (entry["kind"], amount(entry), owed)
        if case.point in ("after_intent", "before_dispatch"):
            assert case.id not in calls
        if case.point == "after_ledger":
            assert entry["kind"] == "charge" and amount(entry) == owed
        else:
            assert entry["kind"] == "presumed" and amount(entry) >= owed
    assert amount(booked["before"]) == billed["before"] and booked["before"]["kind"] == "charge"
    return told


def campaign(folder: Path, cases: Sequence[Case]) -> dict[str, tuple[str, int, int]]:
    """Dies at every case, one after the other on one data folder, and twice while recovering."""
    with provider() as address:
        gateway = RunningGateway(settings(address), folder)
        try:
            gateway.start()
            assert ask(gateway, "plain", "before")[0] == 200
            assert gateway.stop() == 0
            for case in cases[:-1]:
                die(gateway, case)
            die(gateway, cases[-1])
            die_while_starting(gateway, "in_recovery")
            gateway.start()
            first = entries(gateway)
            gateway.kill()
            die_while_starting(gateway, "in_recovery")
            gateway.start()
            assert entries(gateway) == first, "recovering again has changed something"
            told = compare(gateway, address, cases)
            assert_books_balance(gateway)
            assert gateway.stop() == 0
        finally:
            gateway.kill()
    return told


@pytest.mark.timeout(120)
def test_whatever_step_a_gateway_dies_between_the_ledger_is_the_bill_or_above_it(tmp_path: Path) -> None:
    campaign(tmp_path, GATE)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_point_with_every_kind_of_request(tmp_path: Path) -> None:
    told = campaign(tmp_path, EVERY)
    for identifier, (kind, booked, billed) in told.items():
        print(f"{identifier:32} {kind:9} booked {booked:>9} billed {billed:>9}")


def test_a_back_fill_that_dies_goes_on_where_it_was(tmp_path: Path) -> None:
    with provider() as address:
        gateway = RunningGateway(settings(address), tmp_path)
        try:
            gateway.start()
            for number in range(3):
                assert ask(gateway, "plain", f"r{number}")[0] == 200
            assert gateway.stop() == 0
            split = {"name": "each", "limit": "100", "window": {"period": "total"}, "split_by": ["metadata.id"]}
            gateway = RunningGateway(settings(address, split), tmp_path)
            for point in ("in_backfill@2", "after_ledger"):
                die_while_starting(gateway, point)
            gateway.start()
            assert_books_balance(gateway)
            billed = bill(address)["by_id"]
            (each,) = [budget for budget in gateway.admin("/budgets")["items"] if budget["name"] == "each"]
            assert len(each["accounts"]) == len(billed) == 3
            assert gateway.stop() == 0
        finally:
            gateway.kill()
