"""What runs beside the requests begins again, whatever it raises."""

import asyncio
import logging

import pytest

from tollway.workers.upkeep import TROUBLED_S, Upkeep, said


class Failing:
    """Raises so often, and then is done."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.begun = 0

    async def __call__(self) -> None:
        self.begun += 1
        if self._errors:
            raise self._errors.pop(0)


async def test_one_that_fails_begins_again_and_the_same_words_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    upkeep = Upkeep(first_pause_s=0)
    work = Failing(OverflowError("int too big"), OverflowError("int too big"), ValueError("no"))
    with caplog.at_level(logging.ERROR):
        await upkeep.keep("rollups", work)
    assert work.begun == 4
    assert upkeep.failures == {"rollups": 3}
    assert [record.getMessage() for record in caplog.records] == [
        "rollups failed and begins again: OverflowError: int too big",
        "rollups failed and begins again: ValueError: no",
    ]
    assert upkeep.troubles["rollups"].words == "ValueError: no"


async def test_it_is_in_trouble_for_a_while_and_counted_for_good() -> None:
    now_s = 1_000.0
    upkeep = Upkeep(first_pause_s=0, now_s=lambda: now_s)
    await upkeep.keep("alerts", Failing(ValueError("no")))
    assert upkeep.troubles.keys() == {"alerts"}
    now_s += TROUBLED_S
    assert not upkeep.troubles
    assert upkeep.failures == {"alerts": 1}


async def test_pauses_double_up_to_a_minute_and_begin_anew_once_it_has_run_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 0.0
    pauses: list[float] = []
    begun = 0

    async def pause(length_s: float) -> None:
        pauses.append(length_s)

    async def work() -> None:
        nonlocal begun, now_s
        begun += 1
        if begun == 10:
            now_s += TROUBLED_S
        if begun < 11:
            raise ValueError(str(begun))

    monkeypatch.setattr(asyncio, "sleep", pause)
    await Upkeep(now_s=lambda: now_s).keep("books", work)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 1]


async def test_one_that_is_cancelled_ends() -> None:
    kept = asyncio.create_task(Upkeep().keep("books", asyncio.Event().wait))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    kept.cancel()
    with pytest.raises(asyncio.CancelledError):
        await kept


def test_of_several_errors_at_once_the_first_is_told() -> None:
    group = ExceptionGroup("two", [ExceptionGroup("one", [ValueError("no")]), KeyError("x")])
    assert said(group) == "ValueError: no"
