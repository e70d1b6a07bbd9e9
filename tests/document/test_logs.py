"""What a gateway keeps of its requests, as it is written."""

from typing import Any

import pytest
import world

from tollway.document import compile_document, read_document
from tollway.errors import SettingsInvalid
from tollway.gateway import Gateway
from tollway.logs.rules import Logs


def gateway(**fields: Any) -> Gateway:
    document = read_document({"gateways": [{"slug": "apps", **fields}]})
    snapshot = compile_document(document, resolve=lambda name, _: name, book=world.book(), pepper=b"", revision=1)
    return snapshot.gateways["apps"]


def test_a_gateway_that_says_nothing_has_no_rules_of_its_own() -> None:
    assert gateway().logs is None


def test_a_gateway_keeps_what_it_says() -> None:
    assert gateway(logs={"payload": True}).logs == Logs(payload=True)
    written = {
        "collect": True, "payload": True, "by_headers": "more", "max_body_bytes": 1_000, "larger": "drop", "own_payload": True,
    }  # fmt: skip
    assert gateway(logs=written).logs == Logs(**written)


def test_cloudflares_name_of_the_switch_is_read_too() -> None:
    assert gateway(collect_logs=False).logs == Logs(collect=False)
    assert gateway(collect_logs=True).logs == Logs()
    with pytest.raises(SettingsInvalid, match="both logs and collect_logs"):
        gateway(collect_logs=True, logs={})


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"max_body_bytes": 0}, "gateways.apps.logs.max_body_bytes: 0 is not 1 to 10,485,760 bytes"),
        ({"max_body_bytes": 10_485_761}, "payload: false keeps no bodies"),
        ({"collect": False, "payload": True}, "collect: false keeps no record; take one of them out"),
        ({"by_headers": "yes"}, "by_headers"),
        ({"bodies": True}, "bodies"),
    ],
)
def test_what_cannot_be_meant_is_refused(written: Any, said: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        gateway(logs=written)
    assert said in str(refused.value)


def test_bodies_that_are_kept_where_a_header_asks_for_a_record_can_be_meant() -> None:
    assert gateway(logs={"collect": False, "payload": True, "by_headers": "more"}).logs is not None
