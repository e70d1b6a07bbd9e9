"""Where a gateway tells of its requests, as it is written."""

from typing import Any

import pytest
import world

from tollway.document import compile_document, read_document
from tollway.errors import SettingsInvalid
from tollway.gateway import Gateway
from tollway.telemetry.destination import Told

URL = "https://otel.example.com/v1/traces"


def gateway(*otel: Any, **fields: Any) -> Gateway:
    document = read_document({"gateways": [{"slug": "apps", "otel": list(otel), **fields}]})

    def resolve(reference: str, where: str) -> str:
        return reference.replace("env:", "secret of ")

    return compile_document(document, resolve=resolve, book=world.book(), pepper=b"", revision=1).gateways["apps"]


def test_cloudflares_shape_is_taken_as_it_is() -> None:
    written = {
        "url": URL,
        "headers": {"X-A": "1", "x-key": "env:KEY"},
        "authorization": "env:AUTH",
        "content_type": "protobuf",
    }
    (destination,) = gateway(written).otel
    assert (destination.url, destination.name, destination.encoding) == (URL, "otel.example.com", "protobuf")
    assert destination.headers() == {"x-a": "1", "x-key": "secret of KEY", "authorization": "secret of AUTH"}
    assert destination.told == Told() and not destination.told.content
    assert not (destination.allow_private or destination.allow_http)


def test_a_url_without_a_path_is_the_base_of_one() -> None:
    assert [gateway({"url": url}).otel[0].url for url in ("https://x.example.com", "https://x.example.com:4318/")] == [
        "https://x.example.com/v1/traces",
        "https://x.example.com:4318/v1/traces",
    ]


def test_what_is_told_is_switched() -> None:
    (destination,) = gateway({"url": URL, "cost": False, "identity": False, "metadata": False, "content": True}).otel
    assert destination.told == Told(cost=False, identity=False, metadata=False, content=True)


def test_a_collector_on_ones_own_network_is_allowed_where_it_is_meant() -> None:
    (destination,) = gateway({"url": "http://10.0.0.5:4318", "allow_private": True, "allow_http": True}).otel
    assert destination.allow_private and destination.allow_http
    with pytest.raises(SettingsInvalid, match="allow_http: true"):
        gateway({"url": "http://10.0.0.5:4318", "allow_private": True})


def test_the_trace_that_providers_are_sent_is_the_callers_unless_it_says_otherwise() -> None:
    assert gateway().trace_upstream == "caller"
    assert gateway(trace_upstream="own").trace_upstream == "own"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"url": "ftp://x"}, r"gateways\.apps\.otel\[0\]\.url: 'ftp://x' is not an https URL"),
        ({"url": "https://user:canary@x.example.com"}, "is not an https URL without user"),
        ({"url": "https://x.example.com:99999"}, "is not an https URL"),
        ({"url": URL + "#x"}, "is not an https URL"),
        ({"url": "https://x.example.com/" + "a" * 2_048}, "2,048 characters"),
        ({"url": "http://x.example.com"}, "has no TLS"),
        ({"url": URL, "headers": {"a b": "canary"}}, "'a b' is not a header's name"),
        ({"url": URL, "headers": {"x": "canary\n"}}, r"headers\.x: the value has characters"),
        ({"url": URL, "headers": {"Host": "x"}}, "this header is made here"),
        ({"url": URL, "headers": {"A": "1", "a": "2"}}, "written twice"),
        ({"url": URL, "headers": {f"h{n}": "" for n in range(33)}}, "33 headers; 32 at most"),
        ({"url": URL, "authorization": "a", "headers": {"Authorization": "b"}}, "write it once"),
        ({"url": URL, "authorization": "canary\r\nx: y"}, "authorization: the value has characters"),
        ({"url": URL, "content_type": "xml"}, "xml"),
        ({"url": URL, "sampler": "x"}, "sampler"),
        ({}, "url"),
    ],
)
def test_what_is_wrong_is_named_with_the_way_out_and_no_secret_is_shown(written: Any, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said) as refusal:
        gateway(written)
    assert "canary" not in str(refusal.value)


def test_there_are_five_at_most() -> None:
    with pytest.raises(SettingsInvalid, match="6 destinations; 5 at most"):
        gateway(*({"url": URL} for _ in range(6)))
