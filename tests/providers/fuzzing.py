"""What must hold whatever a provider answers and a caller asks, and one random case of it after another."""

import json
from collections.abc import Callable, Iterator
from random import Random
from time import perf_counter
from typing import Any, NamedTuple

import fuzz_seeds
import msgspec
import world
from fuzz_mutations import Mutator
from fuzz_seeds import Seed

from tollway.errors import UsageInvalid
from tollway.exchange.answer import final_charge
from tollway.exchange.holding import price
from tollway.exchange.steps import Ended
from tollway.exchange.target import Target, choose
from tollway.exchange.terms import Terms
from tollway.money import LARGEST
from tollway.pricing.charge import Charge, charge, charge_report
from tollway.pricing.estimate import TOOL_CALLS, Quote
from tollway.providers.body import MAX_COUNT
from tollway.providers.codec import Codec, Malformed, Meter
from tollway.providers.registry import codec_for
from tollway.request import Ask
from tollway.usage import Report, Usage

SLOW_S = 0.05
"""For a body of a few kilobytes; twenty times what the slowest takes."""
SLOW_PER_BYTE_S = 2e-6

KEYED = {"api_key": "k"}
SNAPSHOT = world.snapshot(
    providers={
        **dict.fromkeys(
            ("openai", "anthropic", "google", "cohere", "mistral", "groq", "xai", "openrouter", "voyageai"), KEYED
        ),
        "ollama-cloud": KEYED,
        "cloudflare": KEYED | {"account": "a"},
        "google-vertex": KEYED | {"region": "us-east1", "project": "p"},
        "aws-bedrock": KEYED | {"region": "us-east-1"},
    },
    budgets=[],
)


class Violation(AssertionError):
    """A rule that does not hold for a case. `rule` is its name, the same for every case of one defect."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


def hold(rule: str, holds: object, detail: object = "") -> None:
    """Raises Violation where `holds` is not true."""
    if not holds:
        raise Violation(rule, str(detail)[:400])


class Case(NamedTuple):
    """One input, and what it came from. `kind`: what `body` is."""

    kind: str
    seed: Seed
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    cuts: tuple[int, ...] = ()
    lot: int = 0
    """Of the choices that are left to the check: the model, the cap, the path."""


class Priced(NamedTuple):
    """A request that has been priced."""

    target: Target
    quote: Quote
    ask: Ask


def _priced(seed: Seed, ask: Ask, provider: str, model: str, body_bytes: int | None = None) -> Priced | None:
    request = world.request(
        seed.request if body_bytes is None else bytes(body_bytes), api=seed.api, path=seed.path, provider=provider
    )
    named = msgspec.structs.replace(ask, model=model)
    target = choose(request, named, SNAPSHOT, world.NOW)
    assert isinstance(target, Target), target
    tier = ask.service_tier if seed.api.startswith("bedrock") else None
    if ask.known is not None or tier is not None:
        target = msgspec.structs.replace(target, terms=Terms(known=ask.known, tier=tier))
    quote = price(request, named, target, SNAPSHOT, world.NOW)
    return Priced(target, quote, named) if isinstance(quote, Quote) else None


def served(api: str) -> tuple[tuple[str, str], ...]:
    """The providers and models at whose prices an API is tried."""
    return fuzz_seeds.SERVED.get(api) or fuzz_seeds.SERVED.get(api.partition(".")[0], ())


def _plain_ask(seed: Seed) -> Ask:
    ask = codec_for(seed.api).read_ask(seed.path, b"", seed.content_type, seed.request)
    return ask if isinstance(ask, Ask) else Ask(max_output_tokens=1000, messages=1)


def offers(seed: Seed) -> list[Priced]:
    """The request of a seed, at the prices it is tried at."""
    ask = _plain_ask(seed)
    # As it is, and as one whose cost is bounded and whose provider is known to show all it bills.
    asks = (ask, msgspec.structs.replace(ask, unbounded=None, paid_tools=(), reasons=False, substitutes=False))
    found = (_priced(seed, one, *where) for where in served(seed.api) for one in asks)
    return [offer for offer in found if offer is not None]


class Fuzz:
    """Cases for one API after another, or for all of them, from the same lots the same cases."""

    def __init__(self, random: Random, seeds: tuple[Seed, ...]) -> None:
        self._random = random
        self._seeds: dict[str, list[Seed]] = {}
        for seed in seeds:
            self._seeds.setdefault(seed.api, []).append(seed)
        self.apis = tuple(self._seeds)
        values = [
            value for seed in seeds for text in (seed.request, *seed.answers) if (value := _decoded(text)) is not None
        ]
        names = sorted(set(_names(values)))
        self._mutator = Mutator(random, names, [inner for value in values for inner in _inner(value)][:3000])

    def case(self, api: str | None = None) -> Case:
        """The next case, of `api` or of any."""
        random, mutator = self._random, self._mutator
        seed = random.choice(self._seeds[api or random.choice(self.apis)])
        kind = random.choice(("answer", "answer", "stream", "stream", "request"))
        lot = random.getrandbits(32)
        if kind == "request":
            return Case(kind, seed, mutator.body(seed.request), lot=lot)
        if random.random() < 0.05:
            # Another API's answer, or something that is none.
            other = random.choice(self._seeds[random.choice(self.apis)])
        else:
            other = seed
        if kind == "answer":
            body = mutator.body(random.choice(other.answers or other.streams or (other.request,)))
            return Case(kind, seed, body, self._headers(), lot=lot)
        bodies = other.streams or other.answers or (other.request,)
        body = random.choice(bodies)
        body = mutator.stream(body) if other.streams else mutator.body(body)
        return Case(kind, seed, body, cuts=tuple(mutator.cuts(len(body))), lot=lot)

    def _headers(self) -> tuple[tuple[bytes, bytes], ...]:
        random = self._random
        values = (b"7", b"-7", b"1e9", b"", b"9" * 30, b"\xff", b"NaN", "²".encode(), b" 3 ", b"12", b"flex", b"0")
        return tuple((random.choice(_HEADERS), random.choice(values)) for _ in range(random.choice((0, 0, 0, 1, 2, 4))))


_HEADERS = (
    b"x-amzn-bedrock-input-token-count",
    b"x-amzn-bedrock-output-token-count",
    b"x-amzn-bedrock-cache-read-input-token-count",
    b"x-amzn-bedrock-cache-write-input-token-count",
    b"x-amzn-bedrock-service-tier",
    b"x-gemini-service-tier",
    b"content-type",
    b"content-length",
    b"openai-model",
    b"x-api-warning",
)


def _decoded(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _inner(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _inner(inner)


def names_in(seed: Seed) -> set[str]:
    """Every key in the JSON of a seed."""
    return set(_names([_decoded(text) for text in (seed.request, *seed.answers)]))


def _names(values: list[Any]) -> Iterator[str]:
    for value in values:
        for inner in _inner(value):
            if isinstance(inner, dict):
                yield from inner


def check(case: Case) -> float:
    """Tries one case, and tells how many seconds the codec took. Raises Violation, or what the codec raises."""
    return _CHECKS[case.kind](case)


def _timed(act: Callable[[], Any], length: int) -> tuple[Any, float]:
    started = perf_counter()
    found = act()
    took = perf_counter() - started
    allowed = SLOW_S + SLOW_PER_BYTE_S * length
    if took > allowed:
        for _ in range(3):
            # Others may have had the processor.
            started = perf_counter()
            act()
            took = min(took, perf_counter() - started)
        hold("quick", took <= allowed, f"{took:.3f} s for {length} bytes")
    return found, took


def check_answer(case: Case) -> float:
    codec = codec_for(case.seed.api)
    report, took = _timed(lambda: codec.read_answer(case.body, case.headers), len(case.body))
    check_report(report)
    for priced in _chosen(case):
        check_charge(report, priced.target)
        check_final(report, priced, len(case.body), streamed=False, finished=True)
    return took


def check_stream(case: Case) -> float:
    codec, body = codec_for(case.seed.api), case.body
    whole, took = _timed(lambda: _fed(codec, [body], strip=False), len(body))
    report = whole.report()
    check_report(report)
    hold("output bytes are no negative number", whole.output_bytes >= 0, whole.output_bytes)
    pieces = [body[start:end] for start, end in zip((0, *case.cuts), (*case.cuts, len(body)), strict=True)]
    cut, more = _timed(lambda: _fed(codec, pieces, strip=False), len(body) + 400 * len(pieces))
    seen = (cut.report(), cut.output_bytes, cut.complete)
    hold("cut anywhere, it reports the same", seen[0] == report, f"{seen[0]} / {report}")
    hold("cut anywhere, it has the same output", seen[1] == whole.output_bytes, f"{seen[1]} / {whole.output_bytes}")
    hold("cut anywhere, it is as complete", seen[2] == whole.complete, seen[2])
    stripped, passed = codec.meter(strip_usage=True), codec.meter(strip_usage=True)
    one = stripped.feed(body) + stripped.finish()
    other = b"".join([passed.feed(piece) for piece in pieces]) + passed.finish()
    hold("cut anywhere, the same is stripped", one == other, f"{one!r} / {other!r}")
    hold("stripping changes no report", stripped.report() == report, stripped.report())
    for priced in _chosen(case):
        check_charge(report, priced.target)
        for reason in ("complete", "client_gone"):
            check_final(report, priced, whole.output_bytes, finished=whole.complete, reason=reason)
        if body:
            early = codec.meter(strip_usage=False)
            early.feed(body)
            check_report(early.report())
            check_final(early.report(), priced, early.output_bytes, finished=early.complete, reason="broken_off")
    return max(took, more)


def _fed(codec: Codec, pieces: list[bytes], *, strip: bool) -> Meter:
    meter = codec.meter(strip_usage=strip)
    for piece in pieces:
        hold("every chunk is passed on as it is", meter.feed(piece) == piece, piece)
    hold("nothing is kept back", meter.finish() == b"")
    return meter


def check_report(report: Report) -> None:
    """No negative count that is not suspect, and nothing that could not be written down."""
    hold(
        "a stated cost is no negative amount", report.stated_cost is None or 0 <= report.stated_cost <= LARGEST, report
    )
    texts = (report.response_model, report.response_id, report.service_tier, report.finish_reason, report.suspect)
    for text in (*texts, *(step.model for step in report.steps)):
        if text is not None:
            hold("text can be written down", type(text) is str and _writable(text), repr(text))
    for usage in (report.usage, *(step.usage for step in report.steps)):
        if usage is not None and report.suspect is None:
            counts = msgspec.structs.asdict(usage)
            wrong = {name: count for name, count in counts.items() if type(count) is int and count < 0}
            hold("no negative count is free of suspicion", not wrong, wrong)


def _writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_charge(report: Report, target: Target) -> None:
    """A report is charged something that adds up, or refused as invalid."""
    try:
        found = charge_report(
            report,
            SNAPSHOT.book,
            provider=target.listed.provider,
            requested_model=target.listed.model,
            at_ms=world.NOW,
        )
    except UsageInvalid:
        return
    if isinstance(found, Charge):
        _check_sum(found)


def _check_sum(found: Charge) -> None:
    hold("no charge is negative", found.amount >= 0, found)
    hold("no line is negative", all(line.amount >= 0 and line.quantity >= 0 for line in found.lines), found)
    hold("the lines add up", not found.lines or sum(line.amount for line in found.lines) == found.amount, found)
    hold("an amount fits 64 bits", found.amount <= LARGEST, found)


def check_final(
    report: Report,
    priced: Priced,
    output_bytes: int,
    *,
    finished: bool,
    reason: Any = "complete",
    streamed: bool = True,
) -> None:
    """What is finally charged is never nothing for an answer of a model with a price."""
    ended = Ended(
        reason=reason,
        report=report,
        output_bytes=output_bytes,
        finished=finished,
        streamed=streamed,
        at=world.NOW,
        at_ns=0,
    )
    found = final_charge(ended, priced.quote, priced.target, SNAPSHOT, world.NOW)
    if priced.quote.unbounded is not None and priced.quote.amount == 0 and not isinstance(found, Charge):
        # Nothing bounds it and nothing was told: it is counted apart, as a price that is not known.
        return
    hold("a priced model is charged", isinstance(found, Charge), found)
    assert isinstance(found, Charge)
    _check_sum(found)
    if output_bytes > 0 and not priced.quote.free and not _presumes_nothing(found, report, priced):
        hold("no answer is charged nothing", found.amount > 0, f"{found} for {report}, {output_bytes} bytes")


def _presumes_nothing(found: Charge, report: Report, priced: Priced) -> bool:
    """Whether the answering model is free, or nothing bounds the cost of what was asked.

    Then there is no hold to presume, and the provider is believed, also when it says nothing at all; a budget that
    enforces holds lets no such request pass.
    """
    listed = priced.target.listed
    answered = SNAPSHOT.book.price(listed.provider, report.response_model or listed.model, at_ms=world.NOW)
    return (answered is not None and answered.free) or (
        priced.quote.unbounded is not None and (found.basis == "metered" or priced.quote.amount == 0)
    )


def _chosen(case: Case) -> list[Priced]:
    known = _OFFERS.get(id(case.seed))
    if known is None or known[0] is not case.seed:
        known = _OFFERS[id(case.seed)] = (case.seed, offers(case.seed))
    found = known[1]
    return [found[case.lot % len(found)]] if found else []


_OFFERS: dict[int, tuple[Seed, list[Priced]]] = {}

_REWRITTEN = frozenset(
    {
        *(
            "model",
            "include_usage",
            "max_tokens",
            "max_completion_tokens",
            "max_output_tokens",
            "maxOutputTokens",
            "maxTokens",
        ),
        *("max_tokens_to_sample", "max_gen_len", "maxTokenCount", "max_new_tokens", "num_predict", "inferenceConfig"),
        *("generationConfig", "generation_config", "stream_options", "options", "textGenerationConfig"),
        *("inference_config", "max_output_tokens"),
    }
)
"""The names of what a codec may write."""


def check_request(case: Case) -> float:
    seed, body, lots = case.seed, case.body, Random(case.lot)
    codec = codec_for(seed.api)
    path = lots.choice(_paths(seed)) if lots.random() < 0.2 else seed.path
    content_type = lots.choice(_CONTENT_TYPES) if lots.random() < 0.1 else seed.content_type
    query = lots.choice((b"", b"alt=sse", b"api-version=1", b"\xff%zz&&=", b"queueRequest=true"))
    ask, took = _timed(lambda: codec.read_ask(path, query, content_type, body), len(body))
    hold("an ask or a reason", isinstance(ask, Ask | Malformed), ask)
    if isinstance(ask, Malformed):
        hold(
            "a reason is short and can be written",
            ask.message and len(ask.message) < 1000 and _writable(ask.message),
            ask,
        )
        return took
    check_ask(ask)
    hold(
        "nothing to change leaves the body",
        codec.write_body(body, ask, model=None, cap=None, include_usage=False) is body,
    )
    _check_bound(seed, ask, len(body), lots)
    _check_written(codec, case, ask, path, query, content_type, lots)
    if content_type == b"application/json" and seed.api not in _UNREAD:
        values = _members(body)
        if values:
            name, value = lots.choice(list(values.items()))
            twice = b"{" + msgspec.json.encode(name) + b":" + bytes(value) + b"," + body.strip()[1:]
            again = codec.read_ask(path, query, content_type, twice)
            hold("a key that stands twice is refused", isinstance(again, Malformed), name)
    return took


_UNREAD = frozenset({"google.count_tokens", "bedrock.count_tokens", "bedrock.other", "cohere.other"})
"""What is passed on unread."""
_TO_GO_ON = frozenset({"messages", "prompt"})
_UNCAPPED = frozenset(
    {"openai.embeddings", "openai.rerank", "google.embed", "cohere.embed", "cohere.rerank", "ollama.embed"}
)
"""What generates nothing that could be capped."""
_CONTENT_TYPES = (
    b"",
    b"application/json; charset=utf-8",
    b"multipart/form-data",
    b"multipart/form-data; boundary=",
    b"multipart/form-data; boundary=x",
    b'multipart/form-data; boundary="\xff"',
    b"audio/wav",
    b"text/plain",
    b"\xff",
)


def _paths(seed: Seed) -> tuple[str, ...]:
    path = seed.path
    return (
        "",
        "/",
        path + "/",
        path + "?a=b",
        path[:-3],
        path * 2,
        path.replace("/", "//"),
        path + "%",
        "/%ff%00" + path,
        path + "é",
    )


def _members(body: bytes) -> dict[str, msgspec.Raw]:
    try:
        return msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def check_ask(ask: Ask) -> None:
    """No figure that is negative, or beyond what any provider takes."""
    for name in ("choices", "media_parts", "media_tokens", "media_bytes", "messages", "floor_output_tokens"):
        hold("no figure of an ask is negative or absurd", 0 <= getattr(ask, name) <= 2 * MAX_COUNT, f"{name} of {ask}")
    cap = ask.max_output_tokens
    hold("a cap is a number of tokens", cap is None or 0 <= cap <= MAX_COUNT, cap)
    for text in (ask.model, ask.unbounded, ask.service_tier, *ask.paid_tools):
        hold("text of an ask can be written down", text is None or (type(text) is str and _writable(text)), repr(text))
    hold("a reason is short", len(ask.unbounded or "") <= 200, ask.unbounded)
    if ask.known is not None:
        ask.known.check()


def _check_bound(seed: Seed, ask: Ask, body_bytes: int, lots: Random) -> None:
    places = served(seed.api)
    if not places:
        return
    priced = _priced(seed, ask, *lots.choice(places), body_bytes=body_bytes)
    if priced is None or priced.quote.free or priced.quote.unbounded is not None:
        return
    quote, target = priced.quote, priced.target
    hold("a hold fits 64 bits", 0 < quote.amount <= LARGEST, quote.amount)
    unit = SNAPSHOT.book.price(target.listed.provider, target.listed.model, at_ms=world.NOW, tier=ask.service_tier)
    if unit is None:
        return
    found = charge(_within(quote, ask, lots), unit)
    hold("what stays within the bounds costs no more than the hold", found.amount <= quote.amount, f"{found} {quote}")


def _within(quote: Quote, ask: Ask, lots: Random) -> Usage:
    """A usage that a request may come to, by what its quote says."""
    tokens = lots.choice((quote.input_tokens, lots.randint(0, quote.input_tokens)))
    output = lots.choice((quote.output_tokens, lots.randint(0, quote.output_tokens))) * quote.choices
    cached = lots.randint(0, tokens)
    written = lots.randint(0, tokens - cached)
    counts = msgspec.structs.asdict(ask.known) if ask.known is not None else {}
    tools = {"web_search": "web_searches", "file_search": "file_searches"}
    counts |= {
        "input_tokens": tokens,
        "output_tokens": output,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": written,
        "cache_creation_1h_input_tokens": lots.randint(0, written) if ask.long_cache else 0,
        "reasoning_output_tokens": lots.randint(0, output),
    }
    counts |= {count: lots.randint(0, TOOL_CALLS) for tool, count in tools.items() if tool in ask.paid_tools}
    if ask.media_parts or ask.media_tokens:
        counts |= {"input_image_tokens": lots.randint(0, tokens - cached - written)}
    return Usage(**counts)


def _check_written(
    codec: Codec, case: Case, ask: Ask, path: str, query: bytes, content_type: bytes, lots: Random
) -> None:
    body = case.body
    # A model that is given nothing to go on from generates nothing.
    given = _members(body)
    given |= _members(bytes(given.get("input", b""))) if "model" in given or codec.api == "cloudflare.run" else {}
    idle = not given or (codec.api == "cloudflare.run" and (ask.model is None or not _TO_GO_ON & given.keys()))
    capped = not idle and ask.floor_output_tokens <= MAX_COUNT and codec.api not in _UNREAD | _UNCAPPED
    cap = lots.randint(max(1, ask.floor_output_tokens), MAX_COUNT) if capped and lots.random() < 0.8 else None
    # At Bedrock the model's name decides what its body means.
    other = ask.model if codec.api.startswith("bedrock") else "other-model"
    model = other if lots.random() < 0.5 else None
    wants = codec.api in ("openai.chat", "openai.completions") and lots.random() < 0.5
    new = codec.write_body(body, ask, model=model, cap=cap, include_usage=wants)
    there = codec.write_path(path, model) if model is not None else path
    again = codec.read_ask(there, query, content_type, new)
    hold("what was written is readable", isinstance(again, Ask), f"{again} {new!r}")
    assert isinstance(again, Ask)
    caps = [one for one in (cap, ask.max_output_tokens) if one is not None]
    if cap is not None:
        hold("a cap is no higher than asked", again.max_output_tokens is not None, f"{again} {new!r}")
    if caps:
        hold("a cap is no higher than asked", (again.max_output_tokens or 0) <= min(caps), f"{again} {caps} {new!r}")
    hold("usage that is wished for is asked for", not wants or again.include_usage, new)
    if model is None:
        hold("the choices stay", again.choices == ask.choices, f"{again.choices} {ask.choices}")
        hold("what is unbounded stays so", again.unbounded == ask.unbounded, f"{again.unbounded} {ask.unbounded}")
    before, after = _members(body), _members(new)
    touched = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    for name in touched:
        old, now = _decoded(bytes(before.get(name, b"null"))), _decoded(bytes(after.get(name, b"null")))
        hold("all other values keep their bytes", name in _REWRITTEN or _same_but(old, now), f"{name} {body!r} {new!r}")


def _same_but(old: Any, new: Any) -> bool:
    """Whether two values differ in nothing but what a codec may write."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(
            name in _REWRITTEN or old.get(name) == new.get(name) or _same_but(old.get(name), new.get(name))
            for name in old.keys() | new.keys()
        )
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_same_but(one, other) for one, other in zip(old, new, strict=True))
    return old == new


_CHECKS: dict[str, Callable[[Case], float]] = {"answer": check_answer, "stream": check_stream, "request": check_request}
