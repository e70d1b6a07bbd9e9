import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from tests.telemetry.recorded import AT, ID, RECORD, SERVERS, record

from tollway.logs.record import Attempt, Decision
from tollway.money import Money
from tollway.telemetry.context import Trace, span_id
from tollway.telemetry.destination import Told
from tollway.telemetry.spans import LONGEST_CONTENT, LONGEST_TEXT, Content, spans_of

TRACE = Trace("a" * 32, "b" * 16, 1, "x=1")


def test_a_request_and_its_call_are_two_spans_one_in_the_other() -> None:
    request, call = spans_of(RECORD, TRACE, Told(), SERVERS)
    assert (request.trace_id, request.parent_id, request.kind, request.state) == ("a" * 32, "b" * 16, "server", "x=1")
    assert (call.trace_id, call.parent_id, call.kind) == ("a" * 32, request.span_id, "client")
    assert (request.span_id, call.span_id) == (span_id(ID), span_id(ID, 1))
    assert request.name == "chat gpt-4o-mini" and call.name == "call openai"
    assert (request.start_ns, request.end_ns) == (AT * 1_000_000, AT * 1_000_000 + 803_000_000)
    assert (call.start_ns - request.start_ns, call.end_ns - request.start_ns) == (2_000_000, 802_000_000)


def test_attributes_have_the_names_and_kinds_of_the_conventions() -> None:
    request = next(spans_of(RECORD, TRACE, Told(), SERVERS))
    known = {v for n, v in vars(gen_ai_attributes).items() if n.startswith("GEN_AI_") and isinstance(v, str)}
    # What Cloudflare calls so, and what is newer than the package's constants.
    ours = {"gen_ai.usage.cost", "gen_ai.model.provider"}
    assert {name for name in request.attributes if name.startswith("gen_ai.")} <= known | ours
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": 0.302,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "gen_ai.conversation.id": "s-1",
        "server.address": "api.openai.com",
        "server.port": 443,
        "http.response.status_code": 200,
        "enduser.id": "alice@example.com",
        "tollway.cost_usd": "0.00042",
        "gen_ai.usage.cost": 0.00042,
        "tollway.cost_basis": "metered",
        "tollway.key": "alice",
        "tollway.team": "ml",
        "team": "ml",
    }
    assert expected.items() <= request.attributes.items()
    assert "error.type" not in request.attributes


def test_only_the_request_has_tokens_and_cost_so_that_nothing_is_added_twice() -> None:
    _, call = spans_of(RECORD, TRACE, Told(), SERVERS)
    assert not [name for name in call.attributes if "usage" in name or name in ("operation.cost", "tollway.cost_usd")]
    assert call.attributes["tollway.attempt.cost_usd"] == "0.00042"


def test_with_cost_off_no_amount_of_money_is_told_anywhere() -> None:
    cached = record(cached=True, saved=Money(7), charge=None)
    for told in (RECORD, cached):
        for span in spans_of(told, TRACE, Told(cost=False), SERVERS):
            assert not [name for name in span.attributes if "cost" in name or "usd" in name or "price" in name]
            assert "$" not in repr(span.attributes)


def test_with_identity_off_nobody_is_named() -> None:
    for span in spans_of(RECORD, TRACE, Told(identity=False), SERVERS):
        assert "alice" not in repr(span.attributes)
        named = {"enduser.id", "tollway.user", "tollway.key", "tollway.service", "tollway.groups", "email"}
        assert not named & span.attributes.keys()


@pytest.mark.parametrize(
    ("known", "decision"),
    [
        # A key that opens nothing is known to nobody but this step.
        ({"key": None, "user": None}, Decision(step="authenticate", outcome="deny", code="credential_unknown", rule="carol laptop")),
        ({"key": "carol laptop"}, Decision(step="policy", outcome="deny", code="model_not_allowed", rule="carol laptop")),
        ({"service": "carol"}, Decision(step="policy", outcome="deny", code="model_not_allowed", rule="carol")),
        ({"user": "carol"}, Decision(step="reserve", outcome="deny", code="budget_exhausted", rule="of carol alone")),
    ],
)  # fmt: skip
def test_with_identity_off_no_rule_names_who_was_refused(known: dict[str, str | None], decision: Decision) -> None:
    refused = record(**known, code=decision.code, status=403, attempts=(), decisions=(decision,))
    (quiet,) = spans_of(refused, TRACE, Told(identity=False), SERVERS)
    assert "carol" not in repr(quiet) and "tollway.refused.by" not in quiet.attributes
    assert quiet.attributes["tollway.decisions"] == [f"{decision.step} deny {decision.code}"]
    assert (quiet.attributes["tollway.refused.step"], quiet.error) == (decision.step, decision.code)
    (told,) = spans_of(refused, TRACE, Told(), SERVERS)
    assert told.attributes["tollway.refused.by"] == decision.rule


def test_with_identity_off_the_rules_that_name_nobody_are_told() -> None:
    request = next(iter(spans_of(RECORD, TRACE, Told(identity=False), SERVERS)))
    assert request.attributes["tollway.decisions"] == ["authenticate allow", "reserve allow company"]


def test_metadata_is_told_by_its_own_keys_and_none_poses_as_ours() -> None:
    request = next(spans_of(RECORD, TRACE, Told(), SERVERS))
    assert request.attributes["email"] == "a@example.com"
    assert request.attributes["gen_ai.usage.cost"] == 0.00042 and request.attributes["tollway.user"] != "eve"
    spoof = record(metadata={"http.response.status_code": "500", "server.address": "x", "": "y"})
    attributes = next(spans_of(spoof, TRACE, Told(), SERVERS)).attributes
    assert (attributes["http.response.status_code"], attributes["server.address"]) == (200, "api.openai.com")
    assert "team" not in next(spans_of(RECORD, TRACE, Told(metadata=False), SERVERS)).attributes


def test_content_is_told_only_where_it_is_asked_for() -> None:
    content = Content('{"messages": []}', "x" * 100_000)
    off = next(spans_of(RECORD, TRACE, Told(), SERVERS, content)).attributes
    assert "gen_ai.prompt_json" not in off and "gen_ai.completion_json" not in off
    on = next(spans_of(RECORD, TRACE, Told(content=True), SERVERS, content)).attributes
    assert on["gen_ai.prompt_json"] == '{"messages": []}' and len(str(on["gen_ai.completion_json"])) == LONGEST_CONTENT


def test_a_refusal_says_which_budget_refused_and_calls_nobody() -> None:
    refused = record(
        status=429,
        code="budget_exhausted",
        attempts=(),
        usage=None,
        charge=None,
        decisions=(
            Decision(step="reserve", outcome="deny", code="budget_exhausted", rule="ml", detail="$5.00 of $5.00"),
        ),
    )
    (span,) = spans_of(refused, TRACE, Told(), SERVERS)
    assert span.error == span.attributes["error.type"] == "budget_exhausted"
    assert span.attributes["tollway.refused.by"] == "ml" and span.attributes["tollway.refused.step"] == "reserve"
    # What is not known is left out, and is not zero.
    assert "tollway.cost_usd" not in span.attributes and "gen_ai.usage.input_tokens" not in span.attributes


def test_every_try_that_was_sent_is_a_span_with_its_own_error() -> None:
    tries = (
        Attempt(number=1, provider="mine", model="m", outcome="not_sent", code="upstream_unreachable", ended_us=5),
        Attempt(number=2, provider="mine", model="m", outcome="no_answer", code="upstream_timeout", sent_us=10, ended_us=20),
        Attempt(number=3, provider="openai", model="gpt", outcome="rejected", status=500, sent_us=30, ended_us=40),
    )  # fmt: skip
    _, second, third = spans_of(record(attempts=tries), TRACE, Told(), SERVERS)
    assert (second.attributes["error.type"], second.attributes["server.address"]) == ("upstream_timeout", "10.0.0.7")
    assert (third.attributes["error.type"], third.attributes["http.request.resend_count"]) == ("500", 2)
    assert second.error == "upstream_timeout" and third.error == "rejected"


def test_a_caller_that_left_is_no_error_of_the_span() -> None:
    span = next(spans_of(record(status=499, code="client_gone"), TRACE, Told(), SERVERS))
    assert span.error == "" and span.attributes["error.type"] == "client_gone"


@pytest.mark.parametrize("field", ["user_agent", "path"])
def test_what_a_caller_makes_long_is_cut(field: str) -> None:
    span = next(spans_of(record(**{field: "x" * 20_000}), TRACE, Told(), SERVERS))
    assert max(len(value) for value in span.attributes.values() if isinstance(value, str)) == LONGEST_TEXT
