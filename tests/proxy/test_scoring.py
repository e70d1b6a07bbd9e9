"""How much a request needs a better model, found out beside the loop."""

import asyncio
import logging
import threading
from typing import Any

import pytest
import world

from tollway.exchange.auto_steps import Decide, Decided, Pin
from tollway.proxy import scoring
from tollway.proxy.heavy import Heavy
from tollway.proxy.pins import CACHED_MS, Pins
from tollway.proxy.scoring import INLINE, Scoring, shipped

NOW = world.NOW
CHAT = {"model": "tollway/auto", "messages": [{"role": "user", "content": "Who painted it?"}]}


class Fixed:
    """Scores every prompt alike, and notes who asked for what."""

    def __init__(self, value: float = 0.25) -> None:
        self.value = value
        self.asked: list[tuple[str, int]] = []

    def score(self, prompt: str) -> float:
        self.asked.append((prompt, threading.get_ident()))
        return self.value


def command(body: Any = None, session: bytes | None = None) -> Decide:
    return Decide(world.request(CHAT if body is None else body), session)


async def decided(it: Scoring, asked: Decide, pins: Pins | None = None, now: int = NOW) -> Decided:
    heavy = Heavy()
    try:
        return await it.decided(asked, heavy, pins if pins is not None else Pins(), now)
    finally:
        await heavy.aclose()


async def test_a_prompt_is_scored_in_hundredths_of_a_percent() -> None:
    fixed = Fixed(0.12345)
    found = await decided(Scoring(lambda: fixed), command())
    assert (found.score, found.fault, found.pin) == (1_234, "", None)
    assert found.task.text == "Who painted it?" == fixed.asked[0][0]


async def test_the_scorer_of_the_package_tells_easy_from_hard() -> None:
    it = Scoring()
    easy = await decided(it, command())
    hard = await decided(
        it, command({**CHAT, "messages": [{"role": "user", "content": "Write a python function to find a path."}]})
    )
    assert easy.score is not None and hard.score is not None and easy.score < hard.score
    assert it.loaded


async def test_a_long_prompt_is_scored_in_a_thread() -> None:
    fixed = Fixed()
    it = Scoring(lambda: fixed)
    for length in (INLINE, INLINE + 1):
        await decided(it, command({"messages": [{"role": "user", "content": "a" * length}]}))
    (_, first), (_, second) = fixed.asked
    assert first == threading.get_ident() != second


async def test_a_body_that_is_heavy_is_read_by_the_worker() -> None:
    said = [{"role": "user", "content": [{"type": "text", "text": "So?"}] * 20_000}]
    found = await decided(Scoring(Fixed), command({"messages": said}))
    assert (found.score, found.fault) == (2_500, "") and found.task.text.startswith("So?\nSo?")


@pytest.mark.parametrize("body", [{"messages": []}, b"{", {"messages": [{"role": "user", "content": " "}]}])
async def test_what_has_no_text_has_no_score(body: Any) -> None:
    found = await decided(Scoring(Fixed), command(body))
    assert (found.score, found.fault) == (None, "unsupported")


async def test_a_scorer_that_fails_leaves_the_choice_without_a_score(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def score(self, prompt: str) -> float:
            raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        found = await decided(Scoring(Broken), command())
    assert (found.score, found.fault) == (None, "error") and found.task.text
    assert "no score of request" in caplog.text


async def test_a_scorer_that_could_not_be_read_is_read_again(caplog: pytest.LogCaptureFixture) -> None:
    tries: list[int] = []

    def load() -> Fixed:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("gone")
        return Fixed()

    it = Scoring(load)
    with caplog.at_level(logging.ERROR):
        assert (await decided(it, command())).fault == "error"
    assert "cannot be read: gone" in caplog.text
    assert (await decided(it, command())).score == 2_500


async def test_nobody_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "WITHIN_S", 0.01)
    released = threading.Event()

    def load() -> Fixed:
        released.wait(10)
        return Fixed()

    it = Scoring(load)
    found = await decided(it, command())
    assert (found.score, found.fault) == (None, "timeout") and found.task.text
    released.set()
    monkeypatch.setattr(scoring, "WITHIN_S", 10)
    # It went on being read, and the next one has it.
    assert (await decided(it, command())).score == 2_500


async def test_a_session_has_its_pin() -> None:
    pins, pin = Pins(), Pin("openai/gpt-5", "t")
    pins.put(b"s", pin, NOW)
    it = Scoring(Fixed)
    found = await decided(it, command(session=b"s"), pins)
    assert (found.pin, found.fresh) == (pin, True)
    assert not (await decided(it, command(session=b"s"), pins, NOW + CACHED_MS)).fresh
    assert (await decided(it, command(), pins)).pin is None


async def test_it_is_read_when_a_gateway_first_wants_it_and_in_a_thread() -> None:
    read: list[int] = []

    def load() -> Fixed:
        read.append(threading.get_ident())
        return Fixed()

    it = Scoring(load)
    it.prepare(world.snapshot())
    await asyncio.sleep(0)
    assert read == []
    wants = world.snapshot(gateways=[{"slug": "default", "auto": {}}])
    it.prepare(wants)
    it.prepare(wants)
    assert (await decided(it, command())).score == 2_500
    assert it.loaded and len(read) == 1 and read[0] != threading.get_ident()
    it.prepare(wants)
    assert len(read) == 1


def test_without_a_loop_it_waits_for_the_first_request() -> None:
    it = Scoring(Fixed)
    it.prepare(world.snapshot(gateways=[{"slug": "default", "auto": {}}]))
    assert not it.loaded


def test_the_package_has_one() -> None:
    assert 0 < shipped().score("Who painted it?") < 1
