"""What a gateway keeps, as it is written."""

from typing import Any

import pytest
import world

from tollway.cache.rules import Caching
from tollway.document import compile_document, read_document
from tollway.errors import SettingsInvalid
from tollway.gateway import Gateway


def gateway(**fields: Any) -> Gateway:
    document = read_document({"gateways": [{"slug": "apps", **fields}]})
    snapshot = compile_document(document, resolve=lambda name, _: name, book=world.book(), pepper=b"", revision=1)
    return snapshot.gateways["apps"]


def test_a_gateway_that_says_nothing_keeps_nothing() -> None:
    assert gateway().cache is None


def test_a_gateway_keeps_what_it_says() -> None:
    assert gateway(cache={"ttl_s": 600}).cache == Caching(ttl_s=600, scope="user")
    written = {"ttl_s": 0, "scope": "none", "by_headers": False, "max_entry_bytes": 1_000}
    assert gateway(cache=written).cache == Caching(ttl_s=0, scope="none", by_headers=False, max_entry_bytes=1_000)


def test_cloudflares_name_of_the_time_is_read_too() -> None:
    assert gateway(cache_ttl=600).cache == Caching(ttl_s=600)
    assert gateway(cache_ttl=0).cache == Caching()
    with pytest.raises(SettingsInvalid, match=r"gateways\.apps\.cache_ttl: 5 is neither"):
        gateway(cache_ttl=5)
    with pytest.raises(SettingsInvalid, match="both cache and cache_ttl"):
        gateway(cache_ttl=600, cache={"ttl_s": 600})


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"ttl_s": 59}, "gateways.apps.cache.ttl_s: 59 is neither 0"),
        ({"ttl_s": -1}, "gateways.apps.cache.ttl_s: -1 is neither 0"),
        ({"ttl_s": 2_678_401}, "2,678,400 seconds"),
        ({"max_entry_bytes": 0}, "gateways.apps.cache.max_entry_bytes: 0 is not 1 to 67,108,864 bytes"),
        ({"scope": "all"}, "scope"),
        ({"ttl": 60}, "ttl"),
    ],
)
def test_a_cache_that_cannot_be_meant_is_refused(written: Any, said: str) -> None:
    with pytest.raises(SettingsInvalid) as refusal:
        gateway(cache=written)
    assert said in str(refusal.value)
