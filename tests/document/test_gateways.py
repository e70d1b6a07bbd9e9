"""How a gateway tries its targets, as it is written."""

from typing import Any

import pytest
import world

from tollway.document import compile_document, read_document
from tollway.errors import SettingsInvalid
from tollway.gateway import Gateway, Retry


def gateway(**fields: Any) -> Gateway:
    document = read_document({"gateways": [{"slug": "apps", **fields}]})
    snapshot = compile_document(document, resolve=lambda name, _: name, book=world.book(), pepper=b"", revision=1)
    return snapshot.gateways["apps"]


def test_a_gateway_that_says_nothing_tries_once_and_waits_as_long_as_its_provider() -> None:
    assert (gateway().retry, gateway().timeout_ms) == (Retry(), None)
    assert Retry().max_attempts == 1


def test_it_tries_as_often_as_it_says() -> None:
    written = {"max_attempts": 3, "delay_ms": 250, "backoff": "linear"}
    assert gateway(retry=written).retry == Retry(max_attempts=3, delay_ms=250, backoff="linear")
    assert gateway(retry={"max_attempts": 2}).retry == Retry(max_attempts=2)
    assert gateway(timeout_ms=1_500).timeout_ms == 1_500


def test_cloudflares_names_mean_the_same() -> None:
    fields = {"retry_max_attempts": 5, "retry_delay": 0, "retry_backoff": "constant"}
    assert gateway(**fields).retry == Retry(max_attempts=5, delay_ms=0, backoff="constant")
    assert gateway(retry_max_attempts=2).retry == Retry(max_attempts=2)
    assert gateway(retry_delay=60_000).retry == Retry(delay_ms=60_000)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"retry": {"max_attempts": 6}}, r"gateways\.apps\.retry\.max_attempts: 6 is not from 1 to 5"),
        ({"retry": {"max_attempts": 0}}, r"max_attempts: 0 is not from 1 to 5"),
        ({"retry": {"delay_ms": -1}}, r"gateways\.apps\.retry\.delay_ms: -1 is not from 0 to 60,000"),
        ({"retry_max_attempts": 9}, r"gateways\.apps\.retry_max_attempts: 9 is not from 1 to 5"),
        ({"retry_delay": 60_001}, r"gateways\.apps\.retry_delay: 60001 is not from 0 to 60,000"),
        ({"retry": {}, "retry_delay": 5}, r"gateways\.apps: retry_delay says the same as retry; write one of them"),
        ({"timeout_ms": 0}, r"gateways\.apps\.timeout_ms: 0 is not from 1 to 3,600,000 milliseconds; leave it out"),
        ({"retry": {"backoff": "quadratic"}}, r"quadratic"),
        ({"retry": {"tries": 2}}, r"tries"),
    ],
)
def test_what_cannot_be_is_refused_with_the_field_and_the_way_out(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        gateway(**fields)
