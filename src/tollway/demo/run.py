"""`tollway demo`: starts it all, shows it, sums it up."""

import asyncio
import contextlib
import json
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tollway.admin.dashboard import built
from tollway.cli.shown import complain
from tollway.demo import picture, visitor
from tollway.demo.company import found
from tollway.demo.gateway import RunningGateway, running_gateway
from tollway.demo.provider import Bill, fake_provider
from tollway.demo.traffic import Traffic

_LATENCY_S = 0.05
_SHOWN_EVERY_S = 0.5
_LINE_EVERY_S = 2.0
_LONGEST_ONCE_S = 50.0


def run(*, port: int, once: bool) -> int:
    """0 when the fake provider's bill equals the ledger (with `once`: and somebody was refused), else 1."""
    # A warning on the screen would tear it; an error is worth that.
    logging.getLogger("tollway").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    if sys.platform == "win32":
        loop = asyncio
    else:
        import uvloop as loop
    try:
        with tempfile.TemporaryDirectory(prefix="tollway-demo-") as folder:
            return loop.run(_demo(Path(folder), port, once=once))
    except* OSError as errors:
        error = errors.exceptions[0]
        complain(f"The demo cannot run: {error}")
    return 1


async def _demo(folder: Path, port: int, *, once: bool) -> int:
    console = Console(highlight=False)
    async with fake_provider(_LATENCY_S) as provider:
        settings, keys = found(folder, provider.url)
        async with running_gateway(folder, settings, port=port) as gateway:
            stop = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
            _introduce(console, gateway, keys)
            if not once and built() is not None:
                _say(console, *await visitor.let_in(gateway), "")
            traffic = Traffic(gateway.url, keys)
            working = asyncio.create_task(traffic.run())
            began = time.monotonic()
            try:
                await _watch(console, gateway, traffic, working, stop, once=once)
            finally:
                traffic.stop()
                await asyncio.wait((working,))
            if gateway.stopped.done():
                _say(console, "", "The gateway was told to end, and the demo with it.")
                return 1
            await working
            last = await picture.take(gateway.runtime, traffic, int(time.monotonic() - began))
            return _sum_up(console, last, provider.bill, once=once)


def _introduce(console: Console, gateway: RunningGateway, keys: Mapping[str, str]) -> None:
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 100}
    _say(
        console,
        f"A real gateway at {gateway.url}, a fake provider behind it: no key, no network, no cost.",
        "Try it yourself meanwhile:",
        f"  curl {gateway.url}/v1/chat/completions -H 'content-type: application/json' \\",
        f"    -H 'authorization: Bearer {keys['bob']}' -d '{json.dumps(body)}'",
        "",
    )


async def _watch(
    console: Console,
    gateway: RunningGateway,
    traffic: Traffic,
    working: "asyncio.Task[None]",
    stop: asyncio.Event,
    *,
    once: bool,
) -> None:
    """Shows what happens until it is to end: told so, or refused for the first time, or broken."""
    began = time.monotonic()
    told, shown_s = False, -_LINE_EVERY_S
    live = Live(console=console, auto_refresh=False) if console.is_terminal else None
    with live or contextlib.nullcontext():
        while not (stop.is_set() or working.done() or gateway.stopped.done()):
            elapsed_s = time.monotonic() - began
            now = await picture.take(gateway.runtime, traffic, int(elapsed_s))
            if live is not None:
                live.update(picture.screen(now, gateway.url), refresh=True)
            elif elapsed_s - shown_s >= _LINE_EVERY_S:
                shown_s = elapsed_s
                _say(console, picture.line(now))
            if live is None and traffic.refused and not told:
                told = True
                _say(console, "", "The first refusal:", picture.refusal_text(traffic.refused[0]), "")
            if once and (traffic.refused or elapsed_s > _LONGEST_ONCE_S):
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _SHOWN_EVERY_S)


def _sum_up(console: Console, last: picture.Picture, bill: Bill, *, once: bool) -> int:
    """Spend by model and person, and the two bills side by side."""
    _say(console, "", f"After {last.elapsed_s} s: {last.requests} requests, {last.refused} refused.", "")
    console.print(picture.spend_table("Who", last.by_who, last.total))
    console.print()
    console.print(picture.spend_table("Model", last.by_model, last.total))
    console.print()
    console.print(picture.budget_table(last.budgets))
    ledger = {row.group[1] or "": row.spent for row in last.by_model if row.spent}
    equal = ledger == bill.amounts and last.total == bill.total
    _say(
        console,
        "",
        f"The fake provider's own bill:  {picture.exact(bill.total)} for {bill.requests} answers",
        f"The gateway's ledger:          {picture.exact(last.total)}",
        "They are equal, to the nanodollar, for every model."
        if equal
        else f"THEY DIFFER: bill {bill.amounts}, ledger {ledger}",
    )
    if once and last.first_refusal is None:
        _say(console, f"Nobody was refused within {_LONGEST_ONCE_S:.0f} s.")
        return 1
    if once:
        _say(console, "Run it without --once to watch on, and to send requests of your own.")
    return 0 if equal else 1


def _say(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(Text(line), soft_wrap=True)
