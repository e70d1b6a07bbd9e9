"""The guide to automatic routing: its example means what it says, and its figures are those of the code."""

import re
from pathlib import Path
from typing import get_args

import world
import yaml

from tollway.autorouting.rules import DEFAULT_ALSO, DEFAULT_MODELS, HARDEST, NAMES, WHOLE, Input
from tollway.document import compile_document, read_document
from tollway.document.written_gateway import AutoDocument
from tollway.exchange.auto_choice import ANSWER_TOKENS, Reason
from tollway.proxy import pins

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "auto-routing.md").read_text(encoding="utf-8")


def test_the_example_is_one_that_the_gateway_starts_with() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    document = read_document({**yaml.safe_load(block), "providers": {"openai": {}, "anthropic": {}}})
    snapshot = compile_document(document, resolve=lambda name, _: name, book=world.book(), pepper=b"", revision=1)
    own, default = snapshot.gateways["apps"].auto, snapshot.gateways["default"].auto
    assert own is not None and default is not None
    assert [one.quality for one in own.models] == [1, 1, 2] and len(own.also) == 1
    assert default.models == DEFAULT_MODELS and own.thresholds == default.thresholds


def test_every_field_is_in_the_guide_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([a-z]+)` \| ([^|]+) \|", GUIDE, re.MULTILINE))
    assert AutoDocument.__struct_fields__ == tuple(name for name in rows if name in AutoDocument.__struct_fields__)
    assert rows["threshold"] == str(AutoDocument().threshold)
    assert rows["models"].startswith(f"{len(DEFAULT_MODELS)} of") and rows["also"].startswith(
        f"{len(DEFAULT_ALSO)} others"
    )


def test_every_reason_and_every_input_is_named() -> None:
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", GUIDE))
    assert set(get_args(Reason)) <= named
    assert all(f"`{name}`" in GUIDE for name in (*get_args(Input), *NAMES))


def test_the_figures_are_those_of_the_code() -> None:
    assert f"between it and {HARDEST / WHOLE:g}, which one prompt in twenty" in GUIDE
    assert f"{ANSWER_TOKENS:,} tokens" in GUIDE and f"({pins.MOST:,} at most)" in GUIDE
    assert "five minutes" in GUIDE and pins.CACHED_MS == 300_000
    assert "forgotten after an hour" in " ".join(GUIDE.split()) and pins.IDLE_MS == 3_600_000
