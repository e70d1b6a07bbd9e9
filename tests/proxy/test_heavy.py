"""A real worker process: what it answers, in which order, and what becomes of calls when it dies."""

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tollway.providers.aside import Patient
from tollway.providers.codec import Malformed
from tollway.providers.registry import codec_for
from tollway.providers.rewrite import Rewrite, written
from tollway.proxy.heavy import Heavy, HeavyFailed
from tollway.request import Ask, InferenceRequest
from tollway.translate.conversation import Untranslatable
from tollway.translate.wanted import Wanted
from tollway.translate.worded import Worded, worded

ON_EVERY_LOOP = True

Make = Callable[..., Heavy]
# Says that it has started, and then nothing more.
DEAF = (sys.executable, "-c", "import os,time; os.write(1, bytes(3)+b'\\x01'+bytes(8)+b'\\x80'); time.sleep(60)")


def request(body: bytes, api: Any = "openai.chat") -> InferenceRequest:
    return InferenceRequest(
        id="one",
        received_at=0,
        started_ns=0,
        method="POST",
        path="/v1/chat/completions",
        upstream_path="/v1/chat/completions",
        query=b"",
        headers=((b"authorization", b"Bearer secret"),),
        content_type=b"application/json",
        body=body,
        api=api,
        dialect="openai",
        gateway="default",
        provider=None,
        credentials=(),
        metadata=None,
    )


def chat(size: int, model: str = "m") -> bytes:
    return b'{"model":"%s","messages":[{"role":"user","content":"%s"}]}' % (model.encode(), b"x" * size)


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[Heavy] = []

    def make_one(**options: Any) -> Heavy:
        made.append(Heavy(**options))
        return made[-1]

    yield make_one
    for heavy in made:
        await heavy.aclose()


async def test_it_reads_and_writes_what_the_codec_would(make: Make) -> None:
    heavy, codec = make(), codec_for("openai.chat")
    body = chat(1_000_000)
    expected = codec.read_ask("/v1/chat/completions", b"", b"application/json", body)
    assert await heavy.read_ask(request(body)) == expected
    assert isinstance(expected, Ask)
    rewrite = Rewrite(
        api="openai.chat", ask=expected, model="other", cap=5, include_usage=False, cap_field="max_tokens"
    )
    assert await heavy.write(body, rewrite) == written(body, rewrite)
    answer = msgspec.json.encode({"model": "m", "usage": {"prompt_tokens": 3, "completion_tokens": 4}})
    assert await heavy.read_answer("openai.chat", answer, ((b"x-a", b"b"),)) == codec.read_answer(answer)


async def test_a_body_that_its_api_would_not_take_is_told_as_such(make: Make) -> None:
    assert isinstance(await make().read_ask(request(b"[]")), Malformed)


async def test_a_reader_comes_back_with_the_events_in_it(make: Make) -> None:
    meter = codec_for("openai.chat").meter(strip_usage=False)
    assert isinstance(meter, Patient)
    aside = meter.put_aside()
    event = b'data: {"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n'
    meter.reader, said = await make().read_events(aside.take, meter.reader, [event])
    assert said == [True]
    usage = meter.report().usage
    assert usage is not None and usage.output_tokens == 4


async def test_one_process_is_started_when_it_is_first_needed_and_kept(make: Make) -> None:
    heavy = make()
    assert heavy.pid is None
    await heavy.read_ask(request(chat(10)))
    first = heavy.pid
    await heavy.read_ask(request(chat(10)))
    assert first is not None and heavy.pid == first


@pytest.mark.skipif(sys.platform != "linux", reason="the environment of a process is in /proc")
async def test_the_worker_is_given_no_secret_of_the_environment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    heavy = make()
    await heavy.read_ask(request(chat(10)))
    environment = await asyncio.to_thread(Path(f"/proc/{heavy.pid}/environ").read_bytes)
    assert environment and b"sk-very-secret" not in environment


async def test_a_call_whose_worker_dies_fails_and_those_behind_it_are_carried_out(make: Make) -> None:
    heavy = make()
    await heavy.read_ask(request(chat(10)))
    assert heavy.pid is not None
    os.kill(heavy.pid, signal.SIGSTOP)
    first = asyncio.create_task(heavy.read_ask(request(chat(10))))
    await asyncio.sleep(0)
    second = asyncio.create_task(heavy.read_ask(request(chat(10, "second"))))
    await asyncio.sleep(0)
    dead = heavy.pid
    os.kill(dead, signal.SIGKILL)
    with pytest.raises(HeavyFailed, match="died"):
        await first
    found = await second
    assert isinstance(found, Ask) and found.model == "second"
    assert heavy.pid not in (None, dead)


async def test_a_worker_that_died_between_two_calls_costs_no_call_but_one_at_most(make: Make) -> None:
    heavy = make()
    await heavy.read_ask(request(chat(10)))
    assert heavy.pid is not None
    os.kill(heavy.pid, signal.SIGKILL)
    outcomes = [await asyncio.gather(heavy.read_ask(request(chat(10))), return_exceptions=True) for _ in range(2)]
    assert isinstance(outcomes[1][0], Ask)


async def test_a_call_that_takes_too_long_fails_and_ends_its_worker(make: Make) -> None:
    heavy = make(call_s=0.05, command=DEAF)
    with pytest.raises(HeavyFailed, match="longer than"):
        await heavy.read_ask(request(chat(10)))
    assert heavy.pid is None


async def test_a_call_that_waits_too_long_fails(make: Make) -> None:
    heavy = make(wait_s=0.05, command=DEAF)
    with pytest.raises(HeavyFailed, match="wait for other"):
        await heavy.read_ask(request(chat(10)))


async def test_a_worker_that_cannot_be_started_fails_the_call(make: Make) -> None:
    with pytest.raises(HeavyFailed, match="cannot be started"):
        await make(command=("/nowhere/python",)).read_ask(request(chat(10)))
    with pytest.raises(HeavyFailed, match="cannot be started"):
        await make(command=(sys.executable, "-c", "")).read_ask(request(chat(10)))


async def test_a_small_body_passes_large_ones_that_came_before_it(make: Make) -> None:
    heavy = make()
    done: list[str] = []

    async def one(name: str, size: int) -> None:
        await heavy.read_ask(request(chat(size)))
        done.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(one("first", 2_000_000))
        await asyncio.sleep(0)
        while heavy.waiting:
            await asyncio.sleep(0)
        for name, size in (("large", 8_000_000), ("middle", 4_000_000), ("small", 10)):
            group.create_task(one(name, size))
    assert done == ["first", "small", "middle", "large"]


async def test_who_leaves_the_queue_is_not_served_and_holds_nobody_up(make: Make) -> None:
    heavy = make()
    await heavy.read_ask(request(chat(10)))
    first = asyncio.create_task(heavy.read_ask(request(chat(10))))
    left = [asyncio.create_task(heavy.read_ask(request(chat(4_000_000)))) for _ in range(3)]
    last = asyncio.create_task(heavy.read_ask(request(chat(4_000_000, "last"))))
    await asyncio.sleep(0)
    assert heavy.waiting == 5
    for task in left:
        task.cancel()
    found = await last
    assert isinstance(found, Ask) and found.model == "last"
    assert isinstance(await first, Ask)
    assert all(task.cancelled() for task in left)
    assert heavy.waiting == 0


async def test_who_leaves_while_being_served_is_served_to_its_end(make: Make) -> None:
    heavy = make()
    await heavy.read_ask(request(chat(10)))
    first = heavy.pid
    leaving = asyncio.create_task(heavy.read_ask(request(chat(4_000_000))))
    while heavy.waiting or not leaving.get_stack():
        await asyncio.sleep(0)
    leaving.cancel()
    found = await heavy.read_ask(request(chat(10, "next")))
    assert isinstance(found, Ask) and found.model == "next"
    assert heavy.pid == first


async def test_others_have_their_turn_while_a_large_body_is_sent_and_taken_back(make: Make) -> None:
    heavy = make()
    body = chat(8_000_000)
    ask = await heavy.read_ask(request(body))
    assert isinstance(ask, Ask)
    rewrite = Rewrite(api="openai.chat", ask=ask, model="n", cap=None, include_usage=False, cap_field="max_tokens")
    writing = asyncio.create_task(heavy.write(body, rewrite))
    turns = 0
    while not writing.done():
        await asyncio.sleep(0)
        turns += 1
    assert len(await writing) == len(body)
    assert turns > len(body) // (128 * 1024)


async def test_closing_fails_what_is_under_way_and_ends_the_worker(make: Make) -> None:
    heavy = make(command=DEAF)
    calls = [asyncio.create_task(heavy.read_ask(request(chat(10)))) for _ in range(2)]
    while heavy.pid is None:
        await asyncio.sleep(0)
    await heavy.aclose()
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(outcome, HeavyFailed)
    assert heavy.pid is None


async def test_a_worker_that_has_grown_large_is_replaced(make: Make) -> None:
    script = "import tollway.proxy.heavy_worker as worker; worker.LARGEST_RSS = -1; worker.main()"
    heavy = make(command=(sys.executable, "-c", script))
    for _ in range(2):
        assert isinstance(await heavy.read_ask(request(chat(10))), Ask)
        assert heavy.pid is None


async def test_a_worker_that_nobody_ended_ends_with_what_held_it() -> None:
    """Even from within a cycle, in which nothing says what is finalized first; a warning would fail this."""
    held: dict[str, Any] = {"heavy": Heavy()}
    held["itself"] = held
    await held["heavy"].read_ask(request(chat(10)))
    pid = held["heavy"].pid
    while held["heavy"]._serving is not None:
        await asyncio.sleep(0)
    del held
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_it_counts_what_a_stream_has_shown_and_a_prompt(make: Make) -> None:
    heavy = make()
    asked = request(b'{"messages":[{"role":"user","content":"hello world"}]}')
    found = await heavy.count("o200k_base", ("hello world", "", "🧠"), asked)
    assert (found.shown, found.prompt_tokens, found.messages, found.plain) == ((2, 0, 3), 2, 1, True)
    # A lone surrogate is no text, and must not break the line.
    assert (await heavy.count("cl100k_base", ("\ud800",), None)).shown[0] >= 1


async def test_a_large_request_is_put_into_other_words_and_what_its_answer_needs_comes_back(make: Make) -> None:
    heavy = make()
    body = json.dumps({"model": "x", "messages": [{"role": "user", "content": "word " * 400_000}]}).encode()
    wanted = Wanted(
        source="openai.chat",
        target="anthropic.messages",
        path="/v1/chat/completions",
        query=b"",
        model="claude-sonnet-4-5",
        known_as="claude-sonnet-4-5",
        max_tokens=100,
    )
    found, here = await heavy.translate(wanted, body), worded(wanted, body)
    assert isinstance(found, Worded)
    assert found.sent == here.sent and found.ask.max_output_tokens == 100
    error = b'{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}'
    assert found.translation.answer(529, error) == here.translation.answer(529, error)
    refused = await heavy.translate(wanted, body.replace(b"{", b'{"n": 3, ', 1))
    assert isinstance(refused, Untranslatable) and refused.field == "n"
    assert isinstance(await heavy.translate(wanted, b"[" + body + b"]"), Malformed)
