"""What a feature costs a request that has nothing to do with it: with settings that do not name it, and where it is on elsewhere.

    python bench/off.py [--rounds 40] [--requests 320] [--before REVISION] [--only rates,cache]

The same plain request is made of gateways inside this process (`inside.py`), one after the other, in an order that is shuffled
each round. "elsewhere": the feature is configured for another gateway of the same settings. "on": for this one. A difference is
taken within a round, between neighbours in time, and the median of all rounds is told with its quartiles. One more gateway whose
settings are plain tells how much of a difference is no more than noise.

`--before` compares the sources of a revision, such as the last one before routes, with those that are here: each in processes
of its own, three of each, because where a process puts its memory alone makes some percent of difference.
"""

import argparse
import json
import logging
import os
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import inside
import targets
import uvloop
import yaml

PLAIN_PATH = "/openai/v1/chat/completions"
HERE, ELSEWHERE = "default", "elsewhere"
PROCESSES = 3
Settings = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Feature:
    """What is switched on, by the gateway it is for; and the request that makes use of it there."""

    does: str
    sections: Callable[[str], Settings] = lambda slug: {}
    """Sections of the settings, with the slug of the only gateway that they mean."""
    gateway: Settings | None = None
    """Fields of that gateway."""
    path: str = PLAIN_PATH
    model: str = inside.MODEL
    header: bytes = b""
    """One that has another value with each request."""


def settings(feature: Feature | None = None, slug: str = ELSEWHERE) -> Settings:
    """The settings of the big benchmark, with a feature for one gateway of two; without one, there is no other gateway either."""
    plain: Settings = yaml.safe_load(targets.TOLLWAY_SETTINGS.format(upstream=9, gateway=""))
    plain["keys"][0]["secret"] = f"env:{inside.TOKEN}"
    if feature is None:
        return plain
    gateways: list[Settings] = [*plain["gateways"], {"slug": ELSEWHERE, "authentication": "required"}]
    for gateway in gateways:
        if gateway["slug"] == slug:
            gateway.update(feature.gateway or {})
    return together(plain | {"gateways": gateways}, feature.sections(slug))


def everything() -> Settings:
    """The plain settings with all features for the other gateway."""
    found = settings()
    fields = [feature.gateway or {} for feature in FEATURES.values()]
    found["gateways"].append({"slug": ELSEWHERE, "authentication": "required"})
    for each in fields:
        found["gateways"][1].update(each)
    for feature in FEATURES.values():
        found = together(found, feature.sections(ELSEWHERE))
    return found


def together(one: Settings, other: Settings) -> Settings:
    """Both, their lists behind each other and their objects in one."""
    found = dict(one)
    for name, value in other.items():
        if isinstance(value, list):
            found[name] = [*found.get(name, []), *value]
        else:
            found[name] = {**found.get(name, {}), **value}
    return found


def _route(slug: str) -> Settings:
    """The route of `make bench-features`, of one gateway."""
    routes: list[Settings] = yaml.safe_load(targets.FEATURES["route"].settings)["routes"]
    return {"routes": [{**route, "gateway": slug} for route in routes]}


def _rates(slug: str) -> Settings:
    limits: list[Settings] = yaml.safe_load(targets.FEATURES["rates"].settings)["rate_limits"]
    return {"rate_limits": [{**limit, "gateway": slug} for limit in limits]}


def _policies(slug: str) -> Settings:
    return {
        "policies": [
            {"name": "all", "action": {"type": "no-limit"}, "gateway": slug, "condition": "cf.user.email != ''"}
        ]
    }


_ANTHROPIC = {"base_url": "http://127.0.0.1:9", "api_key": "env:sk-ant-fake"}

FEATURES: dict[str, Feature] = {
    "rate limits": Feature(does="two rate limits that never refuse", sections=_rates),
    "cache": Feature(does="every answer from the cache", gateway={"cache": {"ttl_s": 3600}}),
    "routes": Feature(
        does="a condition, a percentage and a model",
        sections=_route,
        path="/v1/chat/completions",
        model="dynamic/bench",
    ),
    "retries": Feature(
        does="three tries, none of them needed",
        gateway={"retry": {"max_attempts": 3}, "timeout_ms": 30_000},
    ),
    "translation": Feature(
        does="Anthropic's API, of an OpenAI model",
        sections=lambda slug: {"providers": {"anthropic": _ANTHROPIC}},
        path="/v1/messages",
        model=f"openai/{inside.MODEL}",
    ),
    "task routing": Feature(
        does="a pool of two, by the scorer",
        gateway={
            "auto": {
                "models": [{"model": "openai/gpt-4o-mini", "quality": 1}, {"model": "openai/gpt-4o", "quality": 2}]
            }
        },
        path="/v1/chat/completions",
        model="tollway/auto",
    ),
    "idempotency": Feature(does="a key of its own for each request", header=b"idempotency-key"),
    "policies": Feature(does="one that permits everything", sections=_policies),
    "bodies": Feature(does="request and answer kept", gateway={"logs": {"payload": True}}),
}
"""Of each, "elsewhere" has what it needs; idempotency needs no settings, so that there a request with a key came before."""


@dataclass(kw_only=True)
class Measured:
    """A gateway that is measured: in each round once, beside the plain one."""

    name: str
    gateway: inside.Gateway
    feature: Feature
    """What the request makes use of."""
    samples: list[float]
    plain: list[float]

    async def burst(self, requests: int) -> float:
        feature = self.feature
        return await self.gateway.burst(requests, feature.path, inside.chat(feature.model), feature.header)

    def row(self) -> str:
        """Its line of the table."""
        told = f"{statistics.median(self.samples):.1f} | {difference(self.samples, self.plain)}"
        return f"| {self.name} | {self.feature.does} | {told} |"


def difference(samples: list[float], beside: list[float]) -> str:
    """By how much `samples` are more than those `beside` them: the median, and the quartiles."""
    percents = [(here / there - 1) * 100 for here, there in zip(samples, beside, strict=True)]
    low, middle, high = statistics.quantiles(percents, n=4)
    return f"{middle:+.1f} % ({low:+.1f} to {high:+.1f})"


PLAIN = Feature(does="")


async def measure(names: list[str], rounds: int, requests: int, order: random.Random, folder: Path) -> list[Measured]:
    """The gateways of these features, measured; those of a plain one and of all features elsewhere among them."""
    opened: list[Measured] = []

    async def open_one(name: str, written: Settings, feature: Feature = PLAIN) -> inside.Gateway:
        place = folder / str(len(opened))
        place.mkdir()
        gateway = await inside.Gateway.opened(written, place)
        opened.append(Measured(name=name, gateway=gateway, feature=feature, samples=[], plain=[]))
        return gateway

    await open_one("plain", settings())
    await open_one("plain, once more", settings())
    for name in names:
        gateway = await open_one(f"{name}: elsewhere", settings(FEATURES[name], ELSEWHERE))
        if FEATURES[name].header:
            await gateway.burst(inside.AT_ONCE, PLAIN_PATH, inside.chat(), FEATURES[name].header)
    await open_one("all: elsewhere", everything())
    for name in names:
        await open_one(f"{name}: on", settings(FEATURES[name], HERE), FEATURES[name])
    for one in opened:
        await one.burst(inside.WARM_UP)
    inside.rest()
    plain, *others = opened
    for number in range(rounds):
        for one in order.sample(others, len(others)):
            # Side by side, in turns first: a machine changes its speed within a second.
            if number % 2:
                one.plain.append(await plain.burst(requests))
                one.samples.append(await one.burst(requests))
            else:
                one.samples.append(await one.burst(requests))
                one.plain.append(await plain.burst(requests))
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    for one in opened:
        await one.gateway.aclose()
    plain.samples = [sample for one in others for sample in one.plain]
    plain.plain = plain.samples
    return opened


def compare(revision: str, rounds: int, requests: int, order: random.Random, folder: Path) -> None:
    """Prints what a plain request costs with the sources that are here, and with those of a revision."""
    old = folder / "before"
    archive = subprocess.run(["git", "archive", revision, "src"], cwd=ROOT, check=True, capture_output=True)
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as packed:
        packed.extractall(old, filter="data")
    written = folder / "plain.json"
    written.write_text(json.dumps(settings()))
    command = [sys.executable, str(ROOT / "bench" / "inside.py"), str(written), PLAIN_PATH]
    started: list[tuple[str, subprocess.Popen[str]]] = []
    samples: dict[int, list[float]] = {}
    try:
        for name, source in (("before", old / "src"), ("now", ROOT / "src")) * PROCESSES:
            environment = {**os.environ, "PYTHONPATH": str(source)}
            started.append((name, subprocess.Popen(command, env=environment, stdin=PIPE, stdout=PIPE, text=True)))
        for _, process in started:
            assert process.stdout is not None and process.stdout.readline().strip() == "ready"
        for _ in range(rounds):
            for index in order.sample(range(len(started)), len(started)):
                samples.setdefault(index, []).append(_ask(started[index][1], requests))
    finally:
        for _, process in started:
            process.communicate("")
    before = [statistics.median(samples[index]) for index, (name, _) in enumerate(started) if name == "before"]
    now = [statistics.median(samples[index]) for index, (name, _) in enumerate(started) if name == "now"]
    print(f"\n{revision}: {_spread(before)} µs a request; now: {_spread(now)} (a median for each process)")


PIPE = subprocess.PIPE
ROOT = Path(__file__).resolve().parents[1]


def _ask(process: "subprocess.Popen[str]", requests: int) -> float:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(f"{requests}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def _spread(medians: list[float]) -> str:
    return " ".join(f"{median:.1f}" for median in sorted(medians))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40, help="how often each gateway is asked (40)")
    parser.add_argument("--requests", type=int, default=320, help="requests in a burst (320)")
    parser.add_argument("--only", help=f"comma-separated, of {', '.join(FEATURES)} (all)")
    parser.add_argument(
        "--before", metavar="REVISION", help="compare with the sources of a revision, and do nothing else"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the order of gateways (1)")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(FEATURES)
    if unknown := set(names) - FEATURES.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(FEATURES)}")
    order = random.Random(options.seed)
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        if options.before is not None:
            compare(options.before, options.rounds, options.requests, order, Path(folder))
            return 0
        found = uvloop.run(measure(names, options.rounds, options.requests, order, Path(folder)))
    print("\n| gateway | does besides | CPU µs a request | more than a plain one, with quartiles |\n|---|---|--:|--:|")
    for one in found:
        print(one.row())
    return 0


if __name__ == "__main__":
    sys.exit(main())
