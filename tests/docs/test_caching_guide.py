"""The guide to caching: its example means what it says, and its figures are those of the code."""

import re
from pathlib import Path

import world
import yaml

from tollway.cache import idempotency, rules
from tollway.cache.rules import Caching
from tollway.document import compile_document, read_document
from tollway.document.written_gateway import CacheDocument
from tollway.errors import REASONS
from tollway.storage import repeats

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "caching.md").read_text(encoding="utf-8")


def test_the_example_is_one_that_the_gateway_starts_with() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    document = read_document(yaml.safe_load(block))
    snapshot = compile_document(document, resolve=lambda name, _: name, book=world.book(), pepper=b"", revision=1)
    assert snapshot.gateways["default"].cache == Caching(ttl_s=3_600, scope="team")


def test_every_field_is_in_the_guide_with_its_default() -> None:
    written = CacheDocument()
    fields, _, _ = GUIDE.partition("| a caller sends |")
    rows = dict(re.findall(r"\| `([a-z_]+)` \| `?([a-z0-9]+)`? \|", fields))
    for field in CacheDocument.__struct_fields__:
        assert rows[field] == str(getattr(written, field)).lower(), field


def test_the_figures_are_those_of_the_code() -> None:
    assert f"{rules.SHORTEST_S} to {rules.MONTH_S:,} seconds" in GUIDE
    assert f"requests over {rules.LARGEST_REQUEST // 1_048_576} MB" in GUIDE and rules.UNSAID_S == 300
    assert f"{rules.LARGEST_ENTRY // 1_048_576} MiB at most" in GUIDE
    assert f"1 to {idempotency.LONGEST_KEY} printable" in GUIDE and idempotency.LIFETIME_MS == 24 * 3_600_000
    assert f"Answers over {repeats.LARGEST_ANSWER // 1_048_576} MB" in GUIDE
    assert f"once all have {repeats.MOST_BYTES // 1_048_576} MB" in GUIDE


def test_every_refusal_it_names_exists() -> None:
    named = set(re.findall(r"`(idempotency_[a-z_]+)`", GUIDE))
    assert named and named <= REASONS.keys()
