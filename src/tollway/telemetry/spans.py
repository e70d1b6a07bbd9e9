"""One request as spans: what came in (server), and each call of a provider for it (client).

Tokens and cost stand on the request's span alone, so that whoever adds up spans adds nothing twice.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from tollway.logs.record import Attempt, Decision, LogRecord
from tollway.money import DOLLAR, dollars
from tollway.telemetry.context import Trace, span_id
from tollway.telemetry.destination import Told
from tollway.telemetry.names import operation_name, provider_name, usage_attributes
from tollway.telemetry.span import Attributes, Span, Value

MOST_DECISIONS: Final = 32
MOST_METADATA: Final = 64
LONGEST_TEXT: Final = 4_096
LONGEST_CONTENT: Final = 65_536
"""Characters of a prompt or completion, behind which it is cut."""

_OURS: Final = ("gen_ai.", "tollway.")
"""Keys of metadata that begin so are dropped: Cloudflare's rule for the first, and nobody is to write in our name."""
_WHO: Final = frozenset({"user", "email", "user_id", "cf.user_id", "enduser.id", "sub", "name"})
"""Keys of metadata that tell who somebody is."""
_SESSIONS: Final = ("session", "session_id", "conversation_id")


class Server(NamedTuple):
    """Where a provider is."""

    address: str
    port: int
    kind: str = ""
    """The preset it is."""


class Content(NamedTuple):
    """What was asked and answered, as far as it is kept."""

    prompt: str | None = None
    completion: str | None = None


NO_CONTENT: Final = Content()


def spans_of(
    record: LogRecord,
    trace: Trace,
    told: Told,
    servers: Mapping[str, Server],
    content: Content = NO_CONTENT,
) -> Iterator[Span]:
    """The request's span, then one for each of its tries that was sent. `servers`: by the provider's slug."""
    request = span_id(record.request_id)
    start_ns = record.at * 1_000_000
    end_ns = start_ns + max(record.durations.total_us, 0) * 1_000
    error = _error_of(record)
    yield Span(
        trace_id=trace.trace_id,
        span_id=request,
        parent_id=trace.parent_id,
        # The conventions want names of spans to be few.
        name=" ".join(filter(None, (operation_name(record.api), None if record.unserved else record.request_model))),
        kind="server",
        start_ns=start_ns,
        end_ns=end_ns,
        attributes=_cut(_request(record, told, servers, content)),
        error=error,
        state=trace.state,
    )
    for attempt in record.attempts:
        if attempt.sent_us is None or attempt.ended_us is None:
            continue
        failed = attempt.outcome != "answered"
        yield Span(
            trace_id=trace.trace_id,
            span_id=span_id(record.request_id, attempt.number),
            parent_id=request,
            name=f"call {attempt.provider}",
            kind="client",
            start_ns=start_ns + attempt.sent_us * 1_000,
            end_ns=start_ns + max(attempt.ended_us, attempt.sent_us) * 1_000,
            attributes=_cut(_attempt(record, attempt, told, servers)),
            error=(attempt.code or attempt.outcome) if failed else "",
            state=trace.state,
        )


def error_type(record: LogRecord) -> str:
    """`error.type`: the code of the refusal, else the status; empty where all went well."""
    return record.code or (str(record.status) if record.status >= 400 else "")


def _error_of(record: LogRecord) -> str:
    if record.code == "client_gone":
        # Whoever hangs up has had enough, and nothing failed.
        return ""
    return error_type(record)


def _request(record: LogRecord, told: Told, servers: Mapping[str, Server], content: Content) -> Attributes:
    took = record.durations
    found: Attributes = {
        "gen_ai.operation.name": operation_name(record.api),
        "http.request.method": record.method,
        "http.response.status_code": record.status,
        "url.path": record.path,
        "tollway.request_id": record.request_id,
        "tollway.gateway": record.gateway,
        "tollway.api": record.api,
        "tollway.overhead_ms": took.overhead_us / 1000,
        "tollway.attempts": len(record.attempts),
        "tollway.cached": record.cached,
    }
    found |= _provider(record.provider, servers)
    if record.request_model is not None:
        found["gen_ai.request.model"] = record.request_model
    if record.response_model is not None:
        found["gen_ai.response.model"] = record.response_model
    if record.finish_reason is not None:
        found["gen_ai.response.finish_reasons"] = [record.finish_reason]
    if record.streamed:
        found["gen_ai.request.stream"] = True
        if took.first_chunk_us is not None:
            found["gen_ai.response.time_to_first_chunk"] = took.first_chunk_us / 1_000_000
    if record.user_agent:
        found["user_agent.original"] = record.user_agent
    if record.usage is not None:
        found |= usage_attributes(record.usage)
    if error := error_type(record):
        found["error.type"] = error
    found |= _decided(record, told)
    if told.cost:
        found |= _cost(record)
    if told.identity:
        found |= _who(record)
    if told.metadata:
        found |= _metadata(record.metadata, found, identity=told.identity)
    if told.content:
        # Cloudflare's names; the conventions' own want every message parsed and put into another shape.
        if content.prompt is not None:
            found["gen_ai.prompt_json"] = content.prompt[:LONGEST_CONTENT]
        if content.completion is not None:
            found["gen_ai.completion_json"] = content.completion[:LONGEST_CONTENT]
    return found


def _provider(slug: str | None, servers: Mapping[str, Server]) -> Attributes:
    if slug is None:
        return {}
    server = servers.get(slug)
    name = provider_name(slug, server.kind if server is not None else "")
    # The second is Cloudflare's name of it.
    found: Attributes = {"gen_ai.provider.name": name, "gen_ai.model.provider": slug}
    if server is not None:
        found |= {"server.address": server.address, "server.port": server.port}
    return found


def _attempt(record: LogRecord, attempt: Attempt, told: Told, servers: Mapping[str, Server]) -> Attributes:
    found: Attributes = {
        "http.request.method": record.method,
        "gen_ai.request.model": attempt.model,
        "tollway.attempt.number": attempt.number,
        "tollway.attempt.outcome": attempt.outcome,
        **_provider(attempt.provider or None, servers),
    }
    if attempt.number > 1:
        # HTTP conventions: how often the request was sent again.
        found["http.request.resend_count"] = attempt.number - 1
    if attempt.status is not None:
        found["http.response.status_code"] = attempt.status
    if attempt.outcome != "answered":
        found["error.type"] = attempt.code or (str(attempt.status) if attempt.status is not None else attempt.outcome)
    if told.cost and attempt.cost is not None:
        found["tollway.attempt.cost_usd"] = dollars(attempt.cost)
    return found


def _cost(record: LogRecord) -> Attributes:
    found: Attributes = {}
    if record.charge is not None:
        amount = record.charge.amount
        # Exact as text; as a number for those who add it up: Cloudflare's name, and the one of Pydantic's stack.
        found["tollway.cost_usd"] = dollars(amount)
        found["gen_ai.usage.cost"] = found["operation.cost"] = amount / DOLLAR
        found["tollway.cost_basis"] = record.charge.basis
        if record.charge.price_id is not None:
            found["tollway.price_id"] = record.charge.price_id
    if record.holds:
        found["tollway.held_usd"] = dollars(max(hold.amount for hold in record.holds))
    if record.saved is not None:
        found["tollway.saved_usd"] = dollars(record.saved)
    return found


def _decided(record: LogRecord, told: Told) -> Attributes:
    """Which steps decided what. Their details are left out: those have amounts and names in them."""
    found: Attributes = {}
    decisions = record.decisions
    if decisions:
        found["tollway.decisions"] = [
            " ".join(filter(None, (decision.step, decision.outcome, decision.code, _rule(decision, record, told))))
            for decision in decisions[:MOST_DECISIONS]
        ]
    refused = next((decision for decision in reversed(decisions) if decision.outcome == "deny"), None)
    if refused is not None:
        found["tollway.refused.code"] = refused.code
        found["tollway.refused.step"] = refused.step
        if rule := _rule(refused, record, told):
            found["tollway.refused.by"] = rule
    return found


def _rule(decision: Decision, record: LogRecord, told: Told) -> str:
    """Which rule decided; empty where it would say who asked, and that is not told.

    A key that opens nothing is a rule of `authenticate`, and then stands nowhere else in the record.
    """
    if told.identity:
        return decision.rule
    if decision.step == "authenticate" or decision.rule in (record.key, record.service):
        return ""
    return "" if record.user and record.user in decision.rule else decision.rule


def _who(record: LogRecord) -> Attributes:
    found: Attributes = {}
    if record.user is not None:
        found["enduser.id"] = found["tollway.user"] = record.user
    if record.groups:
        found["tollway.groups"] = list(record.groups)
    for name, value in (("tollway.key", record.key), ("tollway.service", record.service)):
        if value is not None:
            found[name] = value
    return found


def _metadata(metadata: Mapping[str, str], taken: Mapping[str, Value], *, identity: bool) -> Attributes:
    found: Attributes = {}
    for key, value in list(metadata.items())[:MOST_METADATA]:
        if not key or key.startswith(_OURS) or key in taken or (not identity and key.lower() in _WHO):
            continue
        found[key] = value
    for key in _SESSIONS:
        if metadata.get(key):
            found["gen_ai.conversation.id"] = metadata[key]
            break
    if "team" in metadata:
        found["tollway.team"] = metadata["team"]
    return found


def _cut(attributes: Attributes) -> Attributes:
    for key, value in attributes.items():
        if isinstance(value, str) and len(value) > LONGEST_TEXT and not key.endswith("_json"):
            attributes[key] = value[:LONGEST_TEXT]
    return attributes
