"""Recorded usage, at the recorded rates and at the book's, comes to the recorded cost."""

import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tollway.money import Money
from tollway.pricing.charge import Charge, Unpriced, charge, charge_report
from tollway.pricing.price import PriceBook
from tollway.pricing.units import PER, Price, PriceTier, UnitPrice
from tollway.providers.stated_cost import read_stated_cost
from tollway.usage import Report, Step, Usage

Rows = Callable[[str], list[dict[str, Any]]]
NANODOLLARS = Decimal(10**9)

PRICE_KEYS = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio",
    "input_image_mtok": "input_image",
    "input_video_mtok": "input_video",
    "cache_audio_read_mtok": "cache_read_audio",
    "output_audio_mtok": "output_audio",
    "output_image_mtok": "output_image",
    "web_searches_kcount": "web_search",
    "storage_searches_kcount": "file_search",
}
PER_UNIT_KEYS = {
    "input": "input",
    "output": "output",
    "cache_read": "cache_read",
    "cache_write": "cache_write",
    "input_audio": "input_audio",
    "output_reasoning": "reasoning",
    "file_search_per_call": "file_search",
    "grounding_per_request": "web_search",
    "per_second": "input_audio_seconds",
    "input_cost_per_token_priority": "input",
    "cache_creation_input_token_cost_priority": "cache_write",
    "output_cost_per_token_priority": "output",
}
USAGE_KEYS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_write_tokens": "cache_creation_input_tokens",
    "cache_write_1h_tokens": "cache_creation_1h_input_tokens",
    "input_audio_tokens": "input_audio_tokens",
    "cache_audio_read_tokens": "cache_read_audio_tokens",
    "input_image_tokens": "input_image_tokens",
    "input_video_tokens": "input_video_tokens",
    "input_tool_tokens": "tool_use_input_tokens",
    "output_reasoning_tokens": "reasoning_output_tokens",
    "output_audio_tokens": "output_audio_tokens",
    "output_image_tokens": "output_image_tokens",
    "web_searches": "web_searches",
    "web_search_requests": "web_searches",
    "file_searches": "file_searches",
    "audio_seconds": "input_audio_seconds",
    # `responses.jsonl` has shorter names.
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens",
    "reasoning": "reasoning_output_tokens",
    "input_audio": "input_audio_tokens",
    "input_image": "input_image_tokens",
    "input_video": "input_video_tokens",
    "output_audio": "output_audio_tokens",
    "cache_audio": "cache_read_audio_tokens",
    "tool_use_prompt": "tool_use_input_tokens",
    "search_units": "search_units",
}
NOT_BILLED = {
    "input_text_tokens",
    "output_text_tokens",
    "input_text_tool_tokens",
    "cache_write_5m_tokens",
    "cache_text_read_tokens",
    # Only of models that price no images apart.
    "cache_image_read_tokens",
}
"""What is left of a whole without its other parts."""

# Cost cases whose expected cost is not ours, and why.
NOT_OURS = {
    "k567fb488e3": "sums a made-up unit that a test subclass adds to genai-prices",
    "k852b460ba6": "the price list names this retired model without a price; unknown is not the zero that is expected",
    "kc63051e265": "as k852b460ba6",
    "kc85af1f0c6": "soft: cached tokens at the input price of a tier that has none for them; we keep the model's own",
}


def usage_of(counts: dict[str, int]) -> Usage:
    return Usage(**{USAGE_KEYS[name]: count for name, count in counts.items() if name not in NOT_BILLED})


def unit(dollars: Decimal, per: int) -> UnitPrice:
    """The unit price of `dollars` for `per`, exactly."""
    scale = 1
    while dollars * NANODOLLARS * scale % 1:
        scale *= 10
    return UnitPrice(Money(int(dollars * NANODOLLARS * scale)), per * scale)


def price_of(steps: dict[str, list[tuple[int, UnitPrice]]]) -> Price:
    units = {meter: prices[0][1] for meter, prices in steps.items()}
    tiers: list[PriceTier] = []
    at = units
    for threshold in sorted({over for prices in steps.values() for over, _ in prices[1:]}):
        at = at | {meter: price for meter, prices in steps.items() for over, price in prices if over == threshold}
        tiers.append(PriceTier(threshold, at))
    return Price(id="recorded", provider="recorded", model="recorded", units=units, tiers=tuple(tiers))


def price_of_mtok(rates: dict[str, Any]) -> Price:
    """The price that rates in genai-prices' keys mean."""
    steps: dict[str, list[tuple[int, UnitPrice]]] = {}
    for key, rate in rates.items():
        meter = PRICE_KEYS[key]
        tiered = rate if isinstance(rate, dict) else {"base": rate, "tiers": []}
        steps[meter] = [(-1, unit(Decimal(tiered["base"]), PER[meter]))]
        steps[meter] += [(t["over_input_tokens"], unit(Decimal(t["price"]), PER[meter])) for t in tiered["tiers"]]
    return price_of(steps)


def price_of_tokens(rates: dict[str, Any], tier: str | None) -> Price:
    """The price that rates in LiteLLM's keys mean to a request at `tier`."""
    steps: dict[str, list[tuple[int, UnitPrice]]] = {}
    thresholds: dict[tuple[str, int], tuple[bool, str]] = {}
    for key, rate in rates.items():
        if key in PER_UNIT_KEYS:
            steps[PER_UNIT_KEYS[key]] = [(-1, unit(Decimal(rate), 1))]
        elif "_above_" in key:
            meter, _, rest = key.partition("_above_")
            over, _, qualifier = rest.partition("k")
            if qualifier in ("", f"_{tier}"):
                at = (meter, int(over) * 1000)
                thresholds[at] = max(thresholds.get(at, (False, "")), (qualifier != "", rate))
        else:
            assert key == "tiers", key
    for bounds in rates.get("tiers", []):
        for key, rate in bounds.items():
            if key != "range":
                # Its first tier replaces the model's own rate.
                over = bounds["range"][0] or -1
                have = [] if over == -1 else steps.get(PER_UNIT_KEYS[key], [])
                steps[PER_UNIT_KEYS[key]] = [*have, (over, unit(Decimal(rate), 1))]
    for (meter, over), (_, rate) in sorted(thresholds.items()):
        steps[meter].append((over, unit(Decimal(rate), 1)))
    return price_of(steps)


def exactly(charged: Charge, dollars: str) -> bool:
    """Whether the charge is `dollars`, each line rounded up to a nanodollar."""
    exact = sum(
        (Decimal(line.quantity * line.unit_price.amount) / line.unit_price.per for line in charged.lines), Decimal(0)
    )
    assert sum(line.amount for line in charged.lines) == charged.amount
    assert exact <= charged.amount < exact + len(charged.lines) + 1
    # A figure that the source computed in floating point is right to about 15 places.
    return abs(exact - Decimal(dollars) * NANODOLLARS) <= Decimal("1e-5")


def cost_of(row: dict[str, Any]) -> str:
    return row["expected"].get("total_cost_usd") or row["expected"]["tool_cost_usd"]


def test_every_cost_case_with_rates_comes_to_its_cost(recorded: Rows) -> None:
    rows = [row for row in recorded("cost_cases.jsonl") if row["kind"] == "cost"]
    assert len(rows) == 66
    wrong: list[str] = []
    for row in rows:
        if row["id"] in NOT_OURS:
            continue
        rates = row.get("rates_usd_per_mtok")
        price = price_of_mtok(rates) if rates else price_of_tokens(row["rates_usd_per_token"], row.get("service_tier"))
        if not exactly(charge(usage_of(row["usage"]), price), cost_of(row)):
            wrong.append(row["id"])
    assert not wrong


def test_every_cost_case_with_a_raw_report_comes_to_its_cost_at_the_books_price(
    recorded: Rows, book: PriceBook, now: int
) -> None:
    rows = [row for row in recorded("cost_cases.jsonl") if row["kind"] == "extract+cost"]
    assert len(rows) == 97
    wrong: list[str] = []
    for row in rows:
        price = book.price(row["provider"], row["model"], at_ms=now)
        if row["id"] in NOT_OURS:
            assert price is None
            continue
        assert price is not None, row["model"]
        # Where a price has changed since the case was written, it says the cost today.
        today = row["expected"].get("total_cost_usd_genai_prices_0_2_3") or cost_of(row)
        if not exactly(charge(usage_of(row["usage"]), price), today):
            wrong.append(row["id"])
    assert not wrong


def test_a_dated_cost_case_finds_the_price_of_its_date(recorded: Rows, book: PriceBook) -> None:
    rows = [row for row in recorded("cost_cases.jsonl") if "priced_at" in row]
    assert len(rows) == 4
    for row in rows:
        at = datetime.fromisoformat(row["priced_at"]).replace(tzinfo=UTC)
        price = book.price(row["provider"], row["model"], at_ms=int(at.timestamp()) * 1000)
        assert price is not None
        for meter, recorded_unit in price_of_mtok(row["rates_usd_per_mtok"]).units.items():
            assert not price.units[meter].exceeds(recorded_unit) and not recorded_unit.exceeds(price.units[meter])


def answers(rows: list[dict[str, Any]], *confidence: str) -> Iterator[dict[str, Any]]:
    return (
        row
        for row in rows
        if row["expected"].get("confidence") in confidence
        and row["expected"].get("cost_usd") is not None
        and row["provider"] in ("openai", "anthropic", "google-gemini")
    )


def report_of(row: dict[str, Any]) -> Report:
    expected = row["expected"]
    counts = {name: count for name, count in expected["usage"].items() if name in USAGE_KEYS and count is not None}
    long_lived = (expected["raw_usage"].get("cache_creation") or {}).get("ephemeral_1h_input_tokens", 0)
    tier = (expected.get("genai_prices") or {}).get("service_tier")
    return Report(
        usage=usage_of(counts | {"cache_write_1h_tokens": long_lived}), response_model=row["model"], service_tier=tier
    )


def charge_of(row: dict[str, Any], report: Report, book: PriceBook, at_ms: int) -> Charge:
    requested = row.get("model_requested") or row["model"]
    charged = charge_report(
        report,
        book,
        provider=row["provider"],
        requested_model=requested,
        at_ms=at_ms,
        long_context=asks_for_long_context(row),
    )
    assert isinstance(charged, Charge)
    return charged


def asks_for_long_context(row: dict[str, Any]) -> bool:
    """Whether a long input costs more: at Anthropic only where the request has the header of that beta."""
    headers = {name.lower(): str(value) for name, value in (row.get("request_headers") or {}).items()}
    return row["provider"] != "anthropic" or "context-1m" in headers.get("anthropic-beta", "")


def test_every_trusted_answer_of_openai_anthropic_and_gemini_comes_to_its_cost(
    recorded: Rows, book: PriceBook, now: int
) -> None:
    rows = list(answers(recorded("responses.jsonl"), "high"))
    assert len(rows) == 65
    wrong = [
        row["id"] for row in rows if not exactly(charge_of(row, report_of(row), book, now), row["expected"]["cost_usd"])
    ]
    assert not wrong


def test_every_trusted_answer_comes_to_its_cost_at_the_rates_recorded_with_it(recorded: Rows) -> None:
    # The recorded rates are the standard ones: answers at another tier are priced by the book alone.
    rows = [row for row in answers(recorded("responses.jsonl"), "high") if report_of(row).service_tier is None]
    compared = 0
    for row in rows:
        rates = (row["expected"].get("genai_prices") or {}).get("rates")
        if rates is None:
            continue
        usage = report_of(row).usage
        assert usage is not None
        assert exactly(charge(usage, price_of_mtok(rates)), row["expected"]["cost_usd"]), row["id"]
        compared += 1
    assert compared >= 60


# The only trusted answers that cost another amount on the day they were recorded than today. The two of gpt-5 were
# served at "priority" and "flex", tiers whose prices the list has from 2026-10-12 on, and the standard price before.
DATED = {
    "d0204": "0.025235",
    "d0205": "0.00083",
    "d0206": "0.002166",
    "d0241": "0.00541",
    "d0242": "0.002196",
    "d0245": "0.00475625",
}


def test_a_trusted_answer_is_priced_as_of_its_day(recorded: Rows, book: PriceBook, now: int) -> None:
    differing: dict[str, str] = {}
    for row in answers(recorded("responses.jsonl"), "high"):
        recorded_at = row["expected"]["recorded_at"]
        if recorded_at is None:
            continue
        at_ms = int(datetime.fromisoformat(recorded_at).timestamp()) * 1000
        then, today = (charge_of(row, report_of(row), book, at) for at in (at_ms, now))
        stated = row["expected"]["genai_prices"].get("cost_at_recording")
        assert stated is None or exactly(then, stated), row["id"]
        if then.amount != today.amount:
            differing[row["id"]] = str((Decimal(then.amount) / NANODOLLARS).normalize())
    assert differing == DATED


def test_every_iteration_of_an_anthropic_answer_is_billed_at_the_rates_of_its_model(
    recorded: Rows, book: PriceBook, now: int
) -> None:
    rows = [row for row in recorded("responses.jsonl") if row["expected"].get("disagreement") == "anthropic_iterations"]
    assert {row["id"] for row in rows} >= {"d0008", "d0017", "d0018"}
    for row in rows:
        steps = tuple(
            Step(
                model=step.get("model"),
                usage=Usage(input_tokens=step["input_tokens"], output_tokens=step["output_tokens"]),
            )
            for step in row["expected"]["raw_usage"]["iterations"]
        )
        report = Report(usage=report_of(row).usage, response_model=row["model"], steps=steps)
        assert exactly(charge_of(row, report, book, now), row["expected"]["cost_usd"]), row["id"]


# Answers of medium confidence whose recorded cost is not ours, and why.
NOT_CERTAIN = {
    "d0233": "the search is in the list of outputs, not in the usage that is replayed here",
    "d0234": "as d0233",
    "d0243": "as d0233",
}


def test_the_less_certain_answers_come_to_their_cost_with_named_exceptions(
    recorded: Rows, book: PriceBook, now: int
) -> None:
    rows = [
        row
        for row in answers(recorded("responses.jsonl"), "medium")
        if row["expected"]["usage"] and row["expected"].get("disagreement") != "anthropic_iterations"
    ]
    wrong = {
        row["id"] for row in rows if not exactly(charge_of(row, report_of(row), book, now), row["expected"]["cost_usd"])
    }
    assert wrong == set(NOT_CERTAIN)


def full_report_of(row: dict[str, Any]) -> Report:
    """All that the answer says: sub-calls, searches that stand in its output, what the provider says it charged."""
    expected = row["expected"]
    raw = expected["raw_usage"] or {}
    counts = {name: int(count) for name, count in expected["usage"].items() if name in USAGE_KEYS and count is not None}
    if long_lived := (raw.get("cache_creation") or {}).get("ephemeral_1h_input_tokens"):
        counts["cache_write_1h_tokens"] = long_lived
    if searches := re.match(r"([0-9]+) billed web-search", expected.get("why") or ""):
        counts["web_searches"] = int(searches[1])
    steps = tuple(
        Step(
            model=step.get("model"), usage=Usage(input_tokens=step["input_tokens"], output_tokens=step["output_tokens"])
        )
        for step in raw.get("iterations") or ()
    )
    stated = read_stated_cost(json.dumps(raw).encode()) if row["provider"] in ("openrouter", "xai") else None
    return Report(
        usage=usage_of(counts),
        response_model=row["model"],
        service_tier=(expected.get("genai_prices") or {}).get("service_tier"),
        steps=steps if expected.get("disagreement") == "anthropic_iterations" else (),
        stated_cost=stated.nanodollars if stated is not None else None,
    )


# Answers whose recorded cost is not ours, and why; none of them is of high confidence.
OTHERWISE = {
    "d0165": "any provider behind Hugging Face's router may have served it: the dearest is charged unless it is named",
    "d0166": "as d0165",
    "d0187": "an alias that moved on: the lists do not agree to which model, and the dearer price is charged",
}
# Answers for which no cost is recorded, as neither of the two lists has a price, and what they cost us.
OURS = {
    "d0101": ("0.002", "LiteLLM has a price for a search unit of this reranker"),
    "d0260": ("0.0061766", "the lists do not agree; ours is genai-prices'"),
    "d0279": ("0.00000114", "LiteLLM has a price for the tokens of this reranker"),
    "d0280": ("0.0031", "the price on Writer's own page"),
    "d0281": ("0.0004675", "as d0280"),
}
# The rest of those are counted as unpriced, never as nothing.
UNPRICED = {
    "ollama": "a server of one's own has no list price; the settings give it one, or say that it is free",
    "vllm": "as ollama",
    "lmstudio": "as ollama",
    "openai-compatible-local": "as ollama",
    "ollama-cloud": "a subscription",
    "pydantic-gateway": "another gateway, whose prices are not public",
    "crusoe": "the list does not have this model",
    "groq": "a compound of models and tools, without a price of its own",
    "cohere": "a retired reranker",
    "openai": "another provider's model behind a compatible API",
}


def test_every_recorded_answer_comes_to_its_cost_or_has_a_reason_not_to(
    recorded: Rows, book: PriceBook, now: int
) -> None:
    otherwise: set[str] = set()
    ours: dict[str, str] = {}
    agreeing = 0
    for row in recorded("responses.jsonl"):
        expected = row["expected"]
        if expected.get("usage") is None or row["model"] is None:
            continue  # Errors, free calls, answers that report nothing; and one that names no model.
        requested = row.get("model_requested") or row["model"]
        report = full_report_of(row)
        charged = charge_report(
            report,
            book,
            provider=row["provider"],
            requested_model=requested,
            at_ms=now,
            long_context=asks_for_long_context(row),
        )
        if expected["cost_usd"] is None:
            if isinstance(charged, Unpriced):
                assert row["provider"] in UNPRICED, row["id"]
            else:
                assert isinstance(charged, Charge)
                ours[row["id"]] = str(Decimal(charged.amount) / NANODOLLARS)
            continue
        assert isinstance(charged, Charge), row["id"]
        if exactly(charged, expected["cost_usd"]) or stated_exactly(report, charged, expected["cost_usd"]):
            agreeing += 1
            continue
        assert expected["confidence"] != "high", row["id"]
        otherwise.add(row["id"])
    assert otherwise == set(OTHERWISE)
    assert {name: Decimal(cost) for name, cost in ours.items()} == {n: Decimal(c) for n, (c, _) in OURS.items()}
    assert agreeing >= 215


def stated_exactly(report: Report, charged: Charge, dollars: str) -> bool:
    """Whether a stated cost is the recorded one, rounded up to a nanodollar."""
    return report.stated_cost == charged.amount == math.ceil(Decimal(dollars) * NANODOLLARS)
