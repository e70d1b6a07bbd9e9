"""What the ledger and the log add up to since they began, by gateway, provider and model: the source of all counters of money."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, Protocol

from tollway.telemetry.samples import OTHER

CLASSES: Final = ("input", "cache_read", "cache_write", "output", "reasoning")
"""Of tokens; each token is in one."""


class Row(Protocol):
    """One sum as a store keeps it (`storage.analytics.Ever`)."""

    @property
    def context(self) -> int: ...

    @property
    def gateway(self) -> str | None: ...

    @property
    def provider(self) -> str | None: ...

    @property
    def model(self) -> str | None: ...

    @property
    def label(self) -> str: ...

    @property
    def lowered(self) -> bool: ...

    @property
    def sums(self) -> tuple[int, ...]: ...


class Sums:
    """Of one gateway, provider and model. Money is in nanodollars, time in microseconds."""

    __slots__ = (
        "cached", "charged", "credited", "failed", "gateway", "kinds", "model", "provider", "refused", "saved",
        "saved_unknown", "statuses", "tokens", "told", "took", "total_us", "unpriced", "untold",
    )  # fmt: skip

    def __init__(self, gateway: str, provider: str, model: str) -> None:
        self.gateway = gateway
        self.provider = provider
        self.model = model
        self.charged = self.credited = 0
        self.kinds: dict[str, int] = {}
        """Entries of each kind."""
        self.unpriced = self.told = self.untold = 0
        self.tokens: dict[str, int] = dict.fromkeys(CLASSES, 0)
        """Of the `told` entries; without any, nothing is known of them."""
        self.statuses: dict[str, int] = {}
        """Requests: "2" and so on."""
        self.refused = self.failed = self.cached = self.saved = self.saved_unknown = self.total_us = 0
        self.took: list[int] = []
        """Requests by how long they took, each bucket alone."""

    @property
    def labels(self) -> dict[str, str]:
        return {"gateway": self.gateway, "provider": self.provider, "model": self.model}

    @property
    def requests(self) -> int:
        return sum(self.statuses.values())

    def add_spending(self, row: Row, named: Mapping[str, int]) -> None:
        """`named`: the place of each measure among the sums."""
        sums = row.sums
        amount, entries, told = (sums[named[name]] for name in ("amount_nanodollars", "entries", "told"))
        if row.lowered:
            self.credited -= amount
        else:
            self.charged += amount
        self.kinds[row.label] = self.kinds.get(row.label, 0) + entries
        self.unpriced += sums[named["unpriced"]]
        self.told += told
        self.untold += entries - told
        read, written = sums[named["cache_read_tokens"]], sums[named["cache_write_tokens"]]
        reasoned = sums[named["reasoning_tokens"]]
        tokens = self.tokens
        tokens["input"] += sums[named["input_tokens"]] - read - written
        tokens["cache_read"] += read
        tokens["cache_write"] += written
        tokens["output"] += sums[named["output_tokens"]] - reasoned
        tokens["reasoning"] += reasoned

    def add_traffic(self, row: Row, named: Mapping[str, int]) -> None:
        sums = row.sums
        self.statuses[row.label] = self.statuses.get(row.label, 0) + sums[named["requests"]]
        self.refused += sums[named["refused"]]
        self.failed += sums[named["errors"]]
        self.cached += sums[named["cached"]]
        self.saved += sums[named["saved_nanodollars"]]
        self.saved_unknown += sums[named["saved_unknown"]]
        self.total_us += sums[named["total_us"]]
        took = [sums[place] for name, place in named.items() if name.startswith("took_")]
        self.took = took if not self.took else [a + b for a, b in zip(self.took, took, strict=True)]


def added_up(
    spending: Iterable[Row],
    traffic: Iterable[Row],
    measures: Mapping[Literal["spending", "traffic"], Sequence[str]],
    most: int,
) -> list[Sums]:
    """Of the first `most` contexts one each, and one of all others, in a stable order: none ever moves into another."""
    found: dict[tuple[str, str, str], Sums] = {}
    contexts: dict[int, Sums] = {}
    rows: dict[Literal["spending", "traffic"], list[Row]] = {"spending": list(spending), "traffic": list(traffic)}
    shown = sorted({row.context for each in rows.values() for row in each if row.context})[:most]
    own = frozenset(shown)
    for table, each in rows.items():
        named = {name: place for place, name in enumerate(measures[table])}
        for row in each:
            sums = contexts.get(row.context)
            if sums is None:
                place = (
                    (row.gateway or "", row.provider or "", row.model or "")
                    if row.context in own
                    else (OTHER, OTHER, OTHER)
                )
                sums = contexts[row.context] = found.setdefault(place, Sums(*place))
            if table == "spending":
                sums.add_spending(row, named)
            else:
                sums.add_traffic(row, named)
    return list(found.values())
