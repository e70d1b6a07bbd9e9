"""The guide to retries: its examples mean what they say, and its figures are those of the code."""

import re
from pathlib import Path
from typing import Any

import msgspec
import world
import yaml

from tollway.document import compile_document, read_document
from tollway.document.written_gateway import RetryDocument
from tollway.errors import REASONS
from tollway.exchange import retry
from tollway.gateway import Retry
from tollway.proxy import health
from tollway.proxy.handling import NAMES
from tollway.proxy.universal import LARGEST, MOST_STEPS, read_steps

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "retries.md").read_text(encoding="utf-8")


def test_the_example_is_one_that_the_gateway_starts_with() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    document = read_document(yaml.safe_load(block))
    snapshot = compile_document(document, resolve=lambda name, _: name, book=world.book(), pepper=b"", revision=1)
    gateway = snapshot.gateways["default"]
    assert (gateway.retry, gateway.timeout_ms) == (Retry(max_attempts=3, delay_ms=500), 20_000)


def test_every_field_is_there_with_its_default() -> None:
    rows = dict(re.findall(r"\| `([a-z_]+)` \| `?([a-z0-9]+)`? \|", GUIDE))
    written = RetryDocument()
    assert {name: rows[name] for name in RetryDocument.__struct_fields__} == {
        name: str(getattr(written, name)) for name in RetryDocument.__struct_fields__
    }


def test_what_is_tried_again_is_what_the_code_tries_again() -> None:
    (said,) = re.findall(r"What is tried again: ([0-9, to]+), no answer", GUIDE)
    statuses: set[int] = set()
    for part in said.split(", "):
        first, _, last = part.partition(" to ")
        statuses.update(range(int(first), int(last or first) + 1))
    assert statuses == {status for status in range(400, 600) if retry.worth_retrying(status)}


def test_the_figures_are_those_of_the_code() -> None:
    assert f"1 to {retry.MOST_ATTEMPTS}; 1 is no retry" in GUIDE
    assert f"0 to {retry.LONGEST_DELAY_MS:,}" in GUIDE
    assert health.LEAST == 5 and "once five of its calls within a minute failed" in GUIDE and health.WINDOW_MS == 60_000
    assert f"alone for {health.REST_MS // 1000} seconds" in GUIDE and health.LONGEST_REST_MS == 5 * 60_000
    assert f"1 to {MOST_STEPS} calls" in GUIDE and f"{LARGEST // 1024**2} MiB at most" in GUIDE
    assert "header_invalid" in REASONS


def test_the_headers_are_ones_that_are_read() -> None:
    named = re.findall(r"^\| `tollway-([a-z-]+): ", GUIDE, re.MULTILINE)
    assert len(named) == 4 and {name.encode() for name in named} <= NAMES


def test_the_array_is_one_that_is_read() -> None:
    (array,) = re.findall(r"-d '(\[.*?\])'\n```", GUIDE, re.DOTALL)
    request = world.request(body=array.encode(), path="/v1/my-account/default")
    found: Any = read_steps(request, world.snapshot(providers={"openai": {}, "anthropic": {}}, keys=[], budgets=[]))
    assert [(step.provider, step.api) for step in found] == [
        ("openai", "openai.chat"),
        ("anthropic", "anthropic.messages"),
    ]
    assert (found[0].handling.timeout_ms, found[0].handling.max_attempts, found[0].handling.cache_ttl_s) == (
        2_000,
        2,
        0,
    )
    assert msgspec.json.decode(found[1].body)["max_tokens"] == 500
