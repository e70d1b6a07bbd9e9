"""The ASGI callable, driven directly: what it answers itself, and what it hands on."""

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import world
from hypothesis import given
from hypothesis import strategies as st

from tollway.budgets.window import Calendar
from tollway.clock import Clock
from tollway.ids import Ids
from tollway.logs.record import LogRecord
from tollway.proxy import server as serving
from tollway.proxy.server import LARGEST_BODY, LARGEST_FROM_ANYONE, Entry
from tollway.proxy.transport import NotSent, UpstreamRequest
from tollway.proxy.world import World
from tollway.storage.memory import MemoryLedger

GATEWAY_KEY = world.KEY.encode()
CHAT = json.dumps({"model": "openai/gpt-4o-mini", "max_tokens": 5, "messages": []}).encode()


class Upstream:
    """A provider that answers, and remembers what it was sent."""

    def __init__(self) -> None:
        self.requests: list[UpstreamRequest] = []
        self.answer: Any = None
        self.fails: Exception | None = None

    async def send(self, request: UpstreamRequest) -> Any:
        self.requests.append(request)
        if self.fails is not None:
            raise self.fails
        return self.answer or Answer()

    async def aclose(self) -> None:
        return


class Answer:
    status = 200

    def __init__(self) -> None:
        self.headers = [(b"content-type", b"application/json"), (b"set-cookie", b"a=b"), (b"x-request-id", b"up")]
        self._pieces = [
            json.dumps({"model": "gpt-4o-mini", "usage": {"prompt_tokens": 9, "completion_tokens": 1}}).encode()
        ]

    async def read(self) -> bytes:
        return self._pieces.pop() if self._pieces else b""

    def close(self) -> None:
        return


class Records:
    def __init__(self) -> None:
        self.written: list[LogRecord] = []

    def write(self, record: LogRecord) -> None:
        self.written.append(record)


class Server:
    """An entry with a world around it."""

    def __init__(self, **settings: Any) -> None:
        self.upstream, self.records, self.controlled = Upstream(), Records(), list[str]()
        parts: Any = (MemoryLedger(), self.records, self.upstream, Clock(lambda: world.NOW * 1_000_000), {})
        random = iter(range(10**6))
        self.world = World(*parts)
        self.entry = Entry(
            world=self.world,
            snapshot=world.snapshot(**settings),
            calendar=Calendar(),
            ids=Ids(lambda count: next(random).to_bytes(count, "big")),
            control=self._control,
        )
        self.entry.serving = self.entry.ready = True

    async def aclose(self) -> None:
        """Ends what a large body has started."""
        await self.world.heavy.aclose()

    async def _control(self, scope: Any, receive: Any, send: Any) -> None:
        self.controlled.append(scope["path"])
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask(
        self,
        path: str,
        *pieces: bytes | None,
        method: str = "POST",
        query: bytes = b"",
        headers: Any = (),
        key: bytes | None = GATEWAY_KEY,
    ) -> "Reply":
        """`None` among the pieces of the body: the caller leaves."""
        sent: list[Any] = []
        given = list(pieces or (b"",))

        async def receive() -> Any:
            piece = given.pop(0) if given else None
            if piece is None:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": piece, "more_body": bool(given)}

        async def send(message: Any) -> None:
            sent.append(message)

        own = [(b"authorization", b"Bearer " + key)] if key is not None else []
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode("latin-1"),
            "query_string": query,
            "headers": [*own, *headers],
        }
        await self.entry(scope, receive, send)
        return Reply(sent, given)


class Reply:
    def __init__(self, sent: list[Any], unread: list[Any]) -> None:
        self.silent = not sent
        self.unread = len(unread)
        if sent:
            assert [message["type"] for message in sent].count("http.response.start") == 1
            assert sent[0]["type"] == "http.response.start" and not sent[-1].get("more_body", False)
            self.status: int = sent[0]["status"]
            self.headers = dict(sent[0]["headers"])
            assert len(self.headers) == len(sent[0]["headers"])
            self.body = b"".join(message["body"] for message in sent[1:])
            length = self.headers.get(b"content-length")
            assert length is None or int(length) == len(self.body)

    @property
    def code(self) -> str:
        code = self.headers[b"tollway-error"].decode()
        assert json.loads(self.body)["error"].get("code") in (code, self.status, None)
        return code


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    yield server
    await server.aclose()


# What answers without any request to a model.


@pytest.mark.parametrize(
    ("path", "said"), [("/", {"name": "tollway"}), ("/health", {"status": "ok"}), ("/ready", {"ready": True})]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_probes_need_no_key_and_say_nothing_secret(server: Server, path: str, said: Any, method: str) -> None:
    reply = await server.ask(path, method=method, key=None)
    assert (reply.status, json.loads(reply.body)) == (200, said)
    assert server.records.written == []


async def test_a_probe_takes_no_other_method(server: Server) -> None:
    reply = await server.ask("/health", method="POST")
    assert (reply.status, reply.headers[b"allow"]) == (405, b"GET, HEAD")


async def test_a_gateway_that_drains_is_not_ready_and_serves_still(server: Server) -> None:
    server.entry.ready = False
    reply = await server.ask("/ready", method="GET")
    assert (reply.status, json.loads(reply.body)) == (503, {"ready": False})
    assert (await server.ask("/health", method="GET")).status == 200
    assert (await server.ask("/v1/chat/completions", CHAT)).status == 200


async def test_a_gateway_whose_ledger_cannot_be_written_is_not_ready(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryLedger, "unavailable", "the disk is full")
    reply = await server.ask("/ready", method="GET")
    assert (reply.status, json.loads(reply.body)) == (503, {"ready": False})
    assert (await server.ask("/health", method="GET")).status == 200


async def test_a_gateway_that_does_not_serve_says_when_to_come_back(server: Server) -> None:
    server.entry.serving = False
    reply = await server.ask("/v1/chat/completions", CHAT)
    assert (reply.status, reply.code, reply.headers[b"retry-after"]) == (503, "shutting_down", b"1")
    assert server.upstream.requests == []


@pytest.mark.parametrize("path", ["/api", "/api/v1/budgets", "/dashboard", "/dashboard/x", "/metrics"])
async def test_the_control_plane_has_its_own_paths(server: Server, path: str) -> None:
    assert (await server.ask(path, method="GET")).status == 299
    assert server.controlled == [path]


@pytest.mark.parametrize("path", ["/apis/v1/chat/completions", "/dashboards", "/metrics2", "/v1/api", "/x/api"])
async def test_a_path_that_only_begins_alike_is_not_the_control_planes(server: Server, path: str) -> None:
    assert (await server.ask(path)).code == "path_unknown"
    assert server.controlled == []


async def test_another_kind_of_connection_is_left_alone(server: Server) -> None:
    await server.entry({"type": "lifespan"}, None, None)
    assert server.records.written == []


# What is refused before a model is asked for.


async def test_options_says_what_is_allowed(server: Server) -> None:
    reply = await server.ask("/v1/chat/completions", method="OPTIONS", key=None)
    assert (reply.status, reply.body) == (204, b"") and b"content-length" not in reply.headers
    assert set(reply.headers[b"allow"].split(b", ")) >= {b"GET", b"POST"}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "FOO"])
async def test_a_method_that_is_not_served_is_told_which_are(server: Server, method: str) -> None:
    reply = await server.ask("/openai/v1/chat/completions", method=method)
    assert (reply.status, reply.code) == (405, "method_not_allowed")
    assert b"POST" in reply.headers[b"allow"] and server.upstream.requests == []


async def test_a_websocket_is_answered_426_at_once(server: Server) -> None:
    headers = [(b"upgrade", b"WebSocket"), (b"connection", b"Upgrade")]
    reply = await server.ask("/v1/responses", method="GET", headers=headers)
    assert (reply.status, reply.code) == (426, "websocket_unsupported")
    assert reply.headers[b"upgrade"] == b"HTTP/1.1" and reply.headers[b"connection"] == b"upgrade"


@pytest.mark.parametrize("path", ["/nope", "/acme/v1/chat/completions", "/v1/threads"])
async def test_an_unknown_path_is_404_in_the_callers_dialect(server: Server, path: str) -> None:
    reply = await server.ask(path)
    assert (reply.status, reply.code) == (404, "path_unknown")
    anthropic = await server.ask(path, headers=[(b"anthropic-version", b"2023-06-01")])
    assert json.loads(anthropic.body)["type"] == "error"


@pytest.mark.parametrize("path", ["//x", "/openai/../x", "/openai/%2e%2e", "/openai/a;b", "/openai/é", "openai"])
async def test_a_confusing_path_is_400(server: Server, path: str) -> None:
    assert (await server.ask(path)).code == "path_invalid"


async def test_a_compressed_body_is_refused_unread(server: Server) -> None:
    reply = await server.ask("/v1/chat/completions", CHAT, headers=[(b"content-encoding", b"gzip")])
    assert (reply.status, reply.code, reply.headers[b"connection"], reply.unread) == (415, "body_encoded", b"close", 1)
    plain = await server.ask("/v1/chat/completions", CHAT, headers=[(b"content-encoding", b"identity")])
    assert plain.status == 200


async def test_a_body_that_says_it_is_too_large_is_refused_unread(server: Server) -> None:
    headers = [(b"content-length", str(LARGEST_BODY + 1).encode())]
    reply = await server.ask("/v1/chat/completions", CHAT, headers=headers)
    assert (reply.status, reply.code, reply.headers[b"connection"], reply.unread) == (
        413,
        "body_too_large",
        b"close",
        1,
    )


async def test_a_body_that_turns_out_too_large_is_refused_as_soon_as_it_is(server: Server) -> None:
    piece = b"x" * (LARGEST_BODY // 4)
    reply = await server.ask("/v1/chat/completions", piece, piece, piece, piece, b"x", b"x", b"x")
    assert (reply.status, reply.code, reply.unread) == (413, "body_too_large", 2)
    whole = await server.ask("/v1/chat/completions", piece * 4 + b"x")
    assert whole.code == "body_too_large"


async def test_a_body_of_the_largest_size_is_taken() -> None:
    server = Server(budgets=[])
    padded = CHAT + b" " * (LARGEST_BODY - len(CHAT))
    try:
        assert (await server.ask("/v1/chat/completions", padded[:100], padded[100:])).status == 200
    finally:
        await server.aclose()


@pytest.mark.parametrize("pieces", [(None,), (CHAT[:9], None)])
async def test_a_caller_that_leaves_while_it_speaks_is_not_answered(server: Server, pieces: Any) -> None:
    reply = await server.ask("/v1/chat/completions", *pieces)
    assert reply.silent and server.upstream.requests == []


async def test_every_refusal_is_logged_with_its_reason(server: Server) -> None:
    await server.ask("/nope/" + "x" * 2000, headers=[(b"user-agent", b"curl")])
    (record,) = server.records.written
    assert (record.status, record.code, record.user_agent) == (404, "path_unknown", "curl")
    assert len(record.path) <= 512 and len(record.decisions[0].detail) <= 512


async def test_every_answer_carries_an_id_of_its_own(server: Server) -> None:
    replies = [
        await server.ask("/nope"),
        await server.ask("/v1/models", method="GET"),
        await server.ask("/v1/chat/completions", CHAT),
    ]
    ids = [reply.headers[b"tollway-request-id"].decode() for reply in replies]
    assert len(set(ids)) == 3 and all(uuid.UUID(one).version == 7 for one in ids)


async def test_a_caller_that_writes_cloudflares_headers_is_refused_in_them(server: Server) -> None:
    reply = await server.ask("/nope", headers=[(b"cf-aig-metadata", b"{}")])
    assert reply.headers[b"cf-aig-error"] == b"path_unknown" and b"tollway-error" not in reply.headers


# What is answered here.


async def test_a_list_of_models_needs_a_key(server: Server) -> None:
    reply = await server.ask("/v1/models", method="GET")
    assert reply.status == 200 and json.loads(reply.body)["data"]
    for key, code in ((None, "credential_missing"), (b"not-a-key-of-anyone", "credential_unknown")):
        refused = await server.ask("/v1/models", method="GET", key=key)
        assert (refused.status, refused.code) == (401, code) and b"www-authenticate" in refused.headers
    assert [record.code for record in server.records.written] == ["credential_missing", "credential_unknown"]


async def test_the_callers_own_budgets_need_a_key(server: Server) -> None:
    reply = await server.ask("/v1/budget", method="GET")
    assert reply.status == 200 and [row["budget"] for row in json.loads(reply.body)["budgets"]] == ["company", "each"]
    assert (await server.ask("/v1/budget", method="GET", key=None)).code == "credential_missing"


# What is sent on.


async def test_a_call_is_sent_on_and_its_cost_comes_back(server: Server) -> None:
    reply = await server.ask("/v1/chat/completions", CHAT, headers=[(b"content-type", b"application/json")])
    assert reply.status == 200 and reply.headers[b"tollway-cost-usd"] == b"0.00000195"
    assert b"set-cookie" not in reply.headers and reply.headers[b"x-request-id"] == b"up"
    (sent,) = server.upstream.requests
    assert (sent.method, sent.url.host, sent.url.target) == ("POST", "api.openai.com", b"/v1/chat/completions")
    assert (b"authorization", b"Bearer " + world.PROVIDER_KEY.encode()) in sent.headers
    assert json.loads(sent.body)["model"] == "gpt-4o-mini"


@pytest.mark.parametrize(
    "header",
    [
        (b"authorization", b"Bearer %s"), (b"authorization", b"bearer   %s "), (b"authorization", b"%s"), (b"x-api-key", b"%s"),
        (b"x-api-key", b" %s "), (b"api-key", b"%s"), (b"x-goog-api-key", b"%s"), (b"tollway-authorization", b"Bearer %s"),
        (b"cf-aig-authorization", b"Bearer %s"), (b"tollway-authorization", b"%s"),
    ],
)  # fmt: skip
async def test_a_key_is_found_wherever_an_sdk_puts_it(server: Server, header: tuple[bytes, bytes]) -> None:
    name, value = header
    reply = await server.ask("/v1/chat/completions", CHAT, key=None, headers=[(name, value % GATEWAY_KEY)])
    assert reply.status == 200
    assert all(GATEWAY_KEY not in value for _, value in server.upstream.requests[0].headers)


@pytest.mark.parametrize("value", [b"Basic %s", b"Bearer", b"", b"Bearer  ", b"Bearer %s x"])
async def test_what_is_no_bearer_is_no_key(server: Server, value: bytes) -> None:
    value = value.replace(b"%s", GATEWAY_KEY)
    reply = await server.ask("/v1/chat/completions", CHAT, key=None, headers=[(b"authorization", value)])
    assert reply.status == 401 and server.upstream.requests == []


async def test_one_good_key_among_several_is_enough(server: Server) -> None:
    headers = [(b"x-api-key", GATEWAY_KEY), (b"authorization", b"Bearer sk-ant-of-the-caller")]
    assert (await server.ask("/v1/chat/completions", CHAT, key=None, headers=headers)).status == 200


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (b"key=" + GATEWAY_KEY, b""),
        (b"alt=sse&key=" + GATEWAY_KEY, b"?alt=sse"),
        (b"key=" + GATEWAY_KEY + b"&alt=sse", b"?alt=sse"),
        (b"a=1&key=" + GATEWAY_KEY + b"&b=2", b"?a=1&b=2"),
        (b"%6Bey=" + GATEWAY_KEY, b""),
        (b"KEY=" + GATEWAY_KEY, b""),
        (b"access_token=" + GATEWAY_KEY, b""),
        (b"key=" + GATEWAY_KEY.replace(b"-", b"%2D"), b""),
    ],
)
async def test_a_key_in_the_query_opens_the_gateway_and_stays_here(server: Server, query: bytes, kept: bytes) -> None:
    reply = await server.ask("/openai/v1/chat/completions", CHAT, key=None, query=query)
    assert reply.status == 200
    (sent,) = server.upstream.requests
    assert sent.url.target == b"/v1/chat/completions" + kept


async def test_a_query_without_a_key_is_sent_on_as_it_is(server: Server) -> None:
    await server.ask("/openai/v1/chat/completions", CHAT, query=b"monkey=1&x=%20&beta=true&keys=2&key2=3")
    assert server.upstream.requests[0].url.target == b"/v1/chat/completions?monkey=1&x=%20&beta=true&keys=2&key2=3"


QUERIES = st.lists(
    st.tuples(
        st.sampled_from([b"key", b"Key", b"k%65y", b"alt", b"x", b"api_key"]), st.sampled_from([GATEWAY_KEY, b"1", b""])
    ),
    max_size=4,
)


@given(QUERIES)
async def test_no_query_takes_a_gateway_key_to_a_provider(parts: list[tuple[bytes, bytes]]) -> None:
    server = Server()
    parts = [(name, value) for name, value in parts if value != GATEWAY_KEY or name not in (b"alt", b"x")]
    await server.ask("/openai/v1/chat/completions", CHAT, query=b"&".join(b"=".join(part) for part in parts))
    (sent,) = server.upstream.requests
    assert GATEWAY_KEY not in sent.url.target and b"key" not in sent.url.target.lower()


async def metadata_of(server: Server, *headers: tuple[bytes, bytes]) -> Any:
    reply = await server.ask("/v1/chat/completions", CHAT, headers=headers)
    return server.records.written[-1].metadata if reply.status == 200 else reply


async def test_metadata_is_read_from_either_spelling(server: Server) -> None:
    assert await metadata_of(server, (b"tollway-metadata", '{"app":"ü"}'.encode())) == {"team": "ml", "app": "ü"}
    reply = await metadata_of(server, (b"cf-aig-metadata", b'{"app":1}'))
    assert reply == {"team": "ml", "app": "1"}


@pytest.mark.parametrize(
    "headers",
    [
        [(b"tollway-metadata", b'{"a":"\xe9"}')],
        [(b"tollway-metadata", b'{"a":1}'), (b"tollway-metadata", b'{"b":1}')],
        [(b"tollway-metadata", b'{"a":1}'), (b"tollway-metadata", b"")],
        [(b"tollway-metadata", b"")],
    ],
)
async def test_metadata_that_can_be_read_in_two_ways_is_refused(server: Server, headers: Any) -> None:
    reply = await metadata_of(server, *headers)
    assert (reply.status, reply.code) == (400, "metadata_invalid") and server.upstream.requests == []


async def test_the_gateway_may_be_named_in_a_header(server: Server) -> None:
    reply = await server.ask("/v1/chat/completions", CHAT, headers=[(b"tollway-gateway-id", b"prod")])
    assert (reply.status, reply.code) == (404, "gateway_unknown")
    by_path = await server.ask(
        "/v1/acct/default/compat/chat/completions", CHAT, headers=[(b"tollway-gateway-id", b"prod")]
    )
    assert by_path.status == 200


async def test_a_request_keeps_the_settings_it_began_with(server: Server) -> None:
    before = server.entry.snapshot
    upstream_send = server.upstream.send

    async def swap(request: UpstreamRequest) -> Any:
        server.entry.snapshot = world.snapshot(providers={}, keys=[], budgets=[])
        return await upstream_send(request)

    server.upstream.send = swap  # type: ignore[method-assign]
    assert (await server.ask("/v1/chat/completions", CHAT)).status == 200
    assert server.entry.snapshot is not before
    assert (await server.ask("/v1/chat/completions", CHAT)).status == 401


async def test_a_defect_is_logged_here_and_not_shown(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.upstream.fails = RuntimeError("secret detail")
    reply = await server.ask("/v1/chat/completions", CHAT)
    assert (reply.status, reply.code, reply.headers[b"connection"]) == (500, "internal_error", b"close")
    assert b"secret detail" not in reply.body and "secret detail" in caplog.text
    assert world.KEY not in caplog.text and world.PROVIDER_KEY not in caplog.text


async def test_a_provider_that_cannot_be_reached_is_a_refusal(server: Server) -> None:
    server.upstream.answer = NotSent("upstream_unreachable", "connection refused")
    reply = await server.ask("/v1/chat/completions", CHAT)
    assert (reply.status, reply.code) == (502, "upstream_unreachable")


# What a caller that is not let in may cost.

CHUNKED = (b"transfer-encoding", b"chunked")
LARGE = (b"content-length", str(LARGEST_FROM_ANYONE + 1).encode())


@pytest.mark.parametrize("header", [CHUNKED, LARGE])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/openai/v1/chat/completions", "/v1/models", "/v1/budget"])
async def test_a_large_body_is_read_only_for_who_is_let_in(server: Server, path: str, header: Any) -> None:
    method = "GET" if path in ("/v1/models", "/v1/budget") else "POST"
    for key, code in ((None, "credential_missing"), (b"not-a-key-of-anyone", "credential_unknown")):
        reply = await server.ask(path, CHAT, method=method, headers=[header], key=key)
        assert (reply.status, reply.code, reply.headers[b"connection"], reply.unread) == (401, code, b"close", 1)
    known = await server.ask(path, CHAT, method=method, headers=[header])
    assert (known.status, known.unread) == (200, 0)


async def test_a_key_in_the_query_lets_a_large_body_in(server: Server) -> None:
    reply = await server.ask(
        "/openai/v1/chat/completions", CHAT, headers=[CHUNKED], key=None, query=b"key=" + GATEWAY_KEY
    )
    assert reply.status == 200


async def test_a_small_body_of_a_stranger_is_read_and_refused(server: Server) -> None:
    headers = [(b"content-length", str(len(CHAT)).encode())]
    reply = await server.ask("/v1/chat/completions", CHAT, headers=headers, key=None)
    assert reply.status == 401 and b"connection" not in reply.headers and reply.unread == 0


async def test_all_bodies_together_have_a_limit(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST_BUFFERED", len(CHAT) + 10)
    inner: list[Reply] = []
    upstream_send = server.upstream.send

    async def meanwhile(request: UpstreamRequest) -> Any:
        # One request is under way, with its body in memory.
        assert server.entry.buffered == len(CHAT)
        inner.append(await server.ask("/v1/chat/completions", CHAT[:8], CHAT[8:], b""))
        inner.append(await server.ask("/v1/models", method="GET"))
        assert server.entry.buffered == len(CHAT)
        return await upstream_send(request)

    server.upstream.send = meanwhile  # type: ignore[method-assign]
    assert (await server.ask("/v1/chat/completions", CHAT)).status == 200
    refused, bodiless = inner
    assert (refused.status, refused.code, refused.unread) == (503, "overloaded", 1)
    assert (refused.headers[b"retry-after"], refused.headers[b"connection"]) == (b"1", b"close")
    assert bodiless.status == 200
    assert server.entry.buffered == 0


@pytest.mark.parametrize("pieces", [(CHAT[:9], None), (CHAT,), (b"x" * LARGEST_BODY, b"x"), (b"not json",)])
async def test_what_a_request_held_is_given_back_however_it_ends(server: Server, pieces: Any) -> None:
    await server.ask("/v1/chat/completions", *pieces)
    server.upstream.fails = RuntimeError("a defect")
    await server.ask("/v1/chat/completions", *pieces)
    assert server.entry.buffered == 0


async def test_only_short_paths_are_remembered(server: Server) -> None:
    await server.ask("/openai/v1/chat/completions", CHAT)
    await server.ask("/nope/" + "x" * 300)
    await server.ask("/nope", headers=[(b"tollway-gateway-id", b"g" * 300)])
    assert [key[1] for key in server.entry.snapshot.paths] == ["/openai/v1/chat/completions"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "GET", "DELETE"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1beta/models/g:generateContent"])
async def test_another_method_on_a_unified_path_is_told_which_is_served(server: Server, path: str, method: str) -> None:
    reply = await server.ask(path, method=method)
    assert (reply.status, reply.code, reply.headers[b"allow"]) == (405, "method_not_allowed", b"POST")


@pytest.mark.parametrize("part", [b"x=%s", b"trace=a-%s-b"])
async def test_somebody_elses_gateway_key_in_a_query_stays_here(server: Server, part: bytes) -> None:
    key = b"tw_ab0123456789_" + b"Zz9" * 14 + b"q123456"
    await server.ask("/openai/v1/chat/completions", CHAT, query=b"beta=1&" + part.replace(b"%s", key))
    assert server.upstream.requests[0].url.target == b"/v1/chat/completions?beta=1"


async def test_an_upgrade_to_http_2_is_served_over_http_1(server: Server) -> None:
    headers = [(b"upgrade", b"h2c"), (b"connection", b"Upgrade, HTTP2-Settings"), (b"http2-settings", b"AAEA")]
    assert (await server.ask("/v1/chat/completions", CHAT, headers=headers)).status == 200
    assert not {b"upgrade", b"http2-settings", b"connection"} & {
        name for name, _ in server.upstream.requests[0].headers
    }


# Credentials.


async def test_a_credential_that_comes_twice_opens_nothing(server: Server) -> None:
    reply = await server.ask("/v1/chat/completions", CHAT, headers=[(b"authorization", b"Bearer " + GATEWAY_KEY)])
    assert (reply.status, reply.code, server.upstream.requests) == (401, "credential_ambiguous", [])
    assert reply.headers[b"connection"] == b"close"
    half = await server.ask("/v1/models", method="GET", headers=[(b"tollway-client-id", b"c")])
    assert (half.status, half.code) == (401, "credential_ambiguous")


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/chat/completions", CHAT), ("/v1/chat/completions", b" " * (LARGEST_FROM_ANYONE + 1)), ("/v1/models", None)],
)
async def test_whoever_guesses_keys_is_told_to_wait_and_a_good_one_opens(
    server: Server, path: str, body: bytes | None
) -> None:
    method = "GET" if body is None else "POST"
    headers = [(b"content-length", str(len(body or b"")).encode())]
    replies = [
        await server.ask(path, body or b"", method=method, headers=headers, key=b"guess %d of a key" % n)
        for n in range(12)
    ]
    assert [reply.status for reply in replies] == [401] * 10 + [429] * 2
    last = replies[-1]
    assert (last.code, last.headers[b"retry-after"], last.headers[b"x-should-retry"]) == (
        "credential_limited",
        b"60",
        b"false",
    )
    assert (await server.ask("/v1/models", method="GET")).status == 200
