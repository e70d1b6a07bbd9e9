from typing import Any

from tollway.errors import StoreUnavailable
from tollway.storage.analytics import MEASURES, Ever
from tollway.workers.telemetry_sums import MOST_STEPS, read_sums


class Analytics:
    def __init__(self, steps: int, broken: bool = False) -> None:
        self.left = steps
        self.rolled = 0
        self.broken = broken

    async def roll(self) -> bool:
        if self.broken:
            raise StoreUnavailable("the disk is full")
        self.rolled += 1
        self.left -= 1
        return self.left > 0

    async def ever(self) -> Any:
        row = Ever(
            context=1, gateway="g", provider="p", model="m", label="charge", lowered=False,
            sums=(7, *(0 for _ in MEASURES["spending"][1:])),
        )  # fmt: skip
        return {"spending": [row], "traffic": []}


async def test_what_rollups_lack_is_taken_in_first() -> None:
    analytics = Analytics(3)
    (sums,) = await read_sums(analytics, 10)  # type: ignore[arg-type]
    assert (analytics.rolled, sums.charged) == (3, 7)


async def test_years_are_not_waited_for() -> None:
    analytics = Analytics(10_000)
    await read_sums(analytics, 10)  # type: ignore[arg-type]
    assert analytics.rolled == MOST_STEPS


async def test_while_nothing_can_be_written_what_was_known_before_is_told() -> None:
    (sums,) = await read_sums(Analytics(1, broken=True), 10)  # type: ignore[arg-type]
    assert sums.charged == 7
