"""What the provider is sent of a request, by hand and through the whole gateway."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import world
from tests.proxy.test_driver import CHAT, USAGE, answer, gateway, send, whole

from tollway.exchange.steps import Forward
from tollway.gateway import Provider, Secret
from tollway.providers.openai_chat import Chat
from tollway.providers.weight import is_heavy
from tollway.proxy.outgoing import outgoing, target, traced
from tollway.proxy.transport import parse_url
from tollway.request import Credential
from tollway.telemetry.context import span_id

HEAVY = {**CHAT, "model": "openai/gpt-4o-mini", "x": [{"a": 1, "b": 2}] * 5_000}


@pytest.mark.parametrize("large", [False, True])
async def test_no_heavy_body_is_read_or_written_on_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    seen: list[int] = []
    read_ask, write_body, read_answer = Chat.read_ask, Chat.write_body, Chat.read_answer

    def recorded(method: Any, place: int) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            seen.append(len(arguments[place]))
            return method(*arguments, **options)

        return call

    monkeypatch.setattr(Chat, "read_ask", recorded(read_ask, 4))
    monkeypatch.setattr(Chat, "write_body", recorded(write_body, 1))
    monkeypatch.setattr(Chat, "read_answer", recorded(read_answer, 1))
    asked = HEAVY if large else {**HEAVY, "x": []}
    told = json.dumps({"model": "gpt-4o-mini", "usage": USAGE, "x": asked["x"]}).encode()
    async with gateway(tmp_path, whole(told)) as (host, port, upstream, _):
        reader, writer = await send(host, port, asked, path=b"/v1/chat/completions")
        status, headers, body = await answer(reader)
        writer.close()
    assert (status, body) == (200, told)
    assert float(headers[b"tollway-cost-usd"]) > 0
    sent = json.loads(upstream.bodies[0])
    assert (sent["model"], sent["x"]) == ("gpt-4o-mini", asked["x"])
    assert is_heavy(json.dumps(asked).encode()) is large
    assert (seen == []) is large


class _Route:
    """As much of a route as an address needs."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.model = "m"


def address(query: bytes, family: Any = "google") -> str:
    provider = Provider(slug="p", family=family, base_url="https://p", api_key=Secret("k"), key_header=b"k")
    request = world.request(query=query, provider="p")
    command: Any = msgspec.structs.replace(_FORWARD, route=_Route(provider), request=request)
    return target("", command).partition("?")[2]


_FORWARD: Any = Forward(None, None, None, "/v1beta/models/m:generateContent")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        (b"alt=sse", "alt=sse"),
        (b"fields=candidates", ""),
        (b"alt=sse&$fields=candidates&x=%20y", "alt=sse&x=%20y"),
        (b"%24fields=candidates&alt=sse", "alt=sse"),
        (b"%24Fi%65lds=candidates&FIELDS=a&+fields=a", ""),
        (b"$httpHeaders=X-HTTP-Method-Override:GET&callback=f", ""),
        (b"fieldset=a&x=fields", "fieldset=a&x=fields"),
    ],
)
def test_google_is_not_asked_to_leave_the_usage_out(query: bytes, sent: str) -> None:
    assert address(query) == sent


def test_a_query_of_another_family_is_as_it_was() -> None:
    assert address(b"fields=a&$fields=b", "openai") == "fields=a&$fields=b"


async def test_nothing_is_sent_with_a_read(tmp_path: Path) -> None:
    async with gateway(tmp_path, whole(b"{}")) as (host, port, upstream, _):
        reader, writer = await send(host, port, CHAT, path=b"/openai/v1/models", method=b"GET")
        status, _, _ = await answer(reader)
        writer.close()
    assert status == 200
    assert upstream.bodies == [b""]


async def test_the_administrators_token_is_never_sent_for_a_key_of_the_callers() -> None:
    token = "an-administrators-token-of-some-shape"
    snapshot = world.snapshot(gateways=[{"slug": "default", "provider_keys": "caller"}])
    snapshot.issued.others = (token,)
    provider = snapshot.providers["openai"]
    for header in (b"authorization", b"x-api-key"):
        request = world.request(
            headers=((b"x-note", f"I am {token}".encode()), (b"accept", b"*/*")),
            credentials=(Credential(b"tollway-authorization", world.KEY), Credential(header, token)),
        )
        command: Any = msgspec.structs.replace(_FORWARD, route=_Route(provider), request=request)
        sent = await outgoing(command, b"{}", snapshot, parse_url("https://p"), _no_signer)
        assert [value for name, value in sent.headers if name == b"authorization"] == [
            f"Bearer {world.PROVIDER_KEY}".encode()
        ]
        assert not any(token.encode() in value for _, value in sent.headers)


def _no_signer(_: Any) -> Any:
    raise AssertionError("nothing is signed")


def test_a_provider_is_sent_our_place_in_the_trace_instead_of_the_callers() -> None:
    theirs = (b"traceparent", b"00-" + b"4b" * 16 + b"-" + b"ab" * 8 + b"-01")
    state = (b"tracestate", b"a=1")
    request = world.request(headers=(theirs, state))
    kept = (b"accept", b"*/*")
    assert traced([kept, theirs, state], request, 2, own=False) == [kept]
    parent = b"00-" + b"4b" * 16 + b"-" + span_id(request.id, 2).encode() + b"-01"
    assert traced([kept, theirs, state], request, 2, own=True) == [kept, (b"traceparent", parent), state]
    # Without a caller's trace, it is named by the request.
    alone = traced([kept], world.request(), 1, own=True)[1][1]
    assert alone.startswith(b"00-" + world.request().id.replace("-", "").encode()[:4])
