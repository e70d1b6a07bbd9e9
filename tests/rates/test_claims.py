from typing import Any

from tollway.match import Attribute, Match
from tollway.rates.claims import claims
from tollway.rates.limit import RateLimit

FACTS = {
    "user": Attribute(("alice",), "key"),
    "group": Attribute(("eng", "ml"), "key"),
    "model": Attribute(("openai/gpt-4o", "gpt-4o"), "gateway"),
    "metadata.app": Attribute(("chat",), "header"),
}


def limit(**fields: Any) -> RateLimit:
    return RateLimit(**{"id": "l", "name": "L", "requests": 1, "window_s": 60, **fields})


def buckets(*limits: RateLimit) -> list[str]:
    return [claim.bucket for claim in claims(limits, FACTS)]


def test_a_limit_that_is_not_split_has_one_bucket() -> None:
    assert buckets(limit()) == ["l"]


def test_a_split_limit_has_one_bucket_a_value() -> None:
    assert buckets(limit(split_by=("user", "model"))) == ["l[user=alice,model=openai/gpt-4o]"]


def test_each_group_of_the_caller_has_its_bucket() -> None:
    assert buckets(limit(split_by=("group",))) == ["l[group=eng]", "l[group=ml]"]


def test_only_what_a_limit_selects_counts() -> None:
    assert buckets(limit(where=(Match("model", ("gpt-*",)),))) == ["l"]
    assert buckets(limit(where=(Match("model", ("claude-*",)),))) == []
    assert buckets(limit(enabled=False)) == []


def test_a_request_without_the_split_value_is_skipped_or_has_a_bucket_of_its_own() -> None:
    assert buckets(limit(split_by=("service",))) == []
    assert buckets(limit(split_by=("service",), untagged="bucket")) == ["l[service=(none)]"]


def test_what_the_caller_declares_does_not_count_where_only_proven_attributes_do() -> None:
    declared = {"split_by": ("metadata.app",)}
    assert buckets(limit(**declared)) == ["l[metadata.app=chat]"]
    assert buckets(limit(**declared, attributes="verified")) == []


def test_limits_keep_their_order() -> None:
    assert buckets(limit(id="z"), limit(id="a")) == ["z", "a"]
