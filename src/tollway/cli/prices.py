"""`tollway prices list`, `show` and `diff`: the price book with the settings' own prices, without a running gateway."""

import hashlib
import time
from importlib import resources

from tollway.admin.price_book import disagreements, disputed, is_known, look_up, selected, unknown
from tollway.admin.price_shown import (
    DisagreementShown,
    LongContext,
    MeterShown,
    PriceShown,
    detail_shown,
    listed_shown,
)
from tollway.cli import settings_file
from tollway.cli.shown import amount, complain, count, rows, say, show_json, table
from tollway.document import Document, compile_document
from tollway.errors import SettingsInvalid
from tollway.money import dollars, parse
from tollway.pricing.price import FILE, PriceBook
from tollway.pricing.units import MILLION
from tollway.settings import read_settings
from tollway.snapshot import Snapshot

_COLUMNS = ("input", "output", "cache_read", "cache_write")
"""Meters with a column of their own."""


def show_list(config: str | None, *, provider: str | None, model: str | None, as_json: bool) -> int:
    """0; 1 where nothing matches, 2 where the settings cannot be used."""
    snapshot = _read(config)
    if snapshot is None:
        return 2
    doubts = disagreements(snapshot.book, None, _now())
    found = [
        listed_shown(one, disputed(snapshot.book, one, doubts))
        for one in selected(snapshot, at_ms=_now(), provider=provider, model=model)
    ]
    if not found:
        asked = "/".join(part or "*" for part in (provider, model))
        complain(f"No price list and no setting knows {asked}. tollway prices list shows what there is.")
        return 1
    if as_json:
        show_json({"price_book": snapshot.book.version, "items": [one.model_dump() for one in found]})
        return 0
    made = table(
        f"Prices now, in US dollars for a million tokens ({snapshot.book.version})",
        ("provider", "left"),
        ("model", "left"),
        *((name.replace("_", " "), "right") for name in _COLUMNS),
        ("and", "left"),
        ("long context", "left"),
        ("service tiers", "left"),
        ("since", "left"),
        ("source", "left"),
    )
    rows(
        made,
        [
            [
                one.provider,
                one.model,
                *_cells(one.price),
                ", ".join(one.service_tiers),
                *_origin(one.price, one.override),
            ]
            for one in found
        ],
    )
    say(f"Models: {count(len(found))}. All of one: tollway prices show PROVIDER/MODEL")
    doubtful = sum(bool(one.disagreements) for one in found)
    if doubtful:
        say(f"The price lists disagree on {count(doubtful)} of them: tollway prices diff")
    return 0


def show_model(config: str | None, name: str, *, as_json: bool) -> int:
    """0; 1 where nobody knows the model, 2 where the settings cannot be used."""
    snapshot = _read(config)
    if snapshot is None:
        return 2
    provider, slash, model = name.partition("/")
    if not slash or not model:
        complain(f'"{name}" is not of the form PROVIDER/MODEL, such as openai/gpt-4o-mini.')
        return 1
    now = _now()
    found = look_up(snapshot, provider, model, now)
    if not is_known(found):
        complain(unknown(snapshot.book, provider, model))
        return 1
    doubts = disagreements(snapshot.book, found.provider, now)
    shown = detail_shown(found, snapshot.book, disputed(snapshot.book, found, doubts))
    if as_json:
        show_json(shown.model_dump())
        return 0
    say(f"{shown.provider}/{shown.model}")
    if shown.names:
        say(f"  names     {', '.join(shown.names)}")
    limits = [
        f"{said} {count(tokens)} tokens"
        for said, tokens in (("context window", shown.context_window), ("output at most", shown.max_output_tokens))
        if tokens is not None
    ]
    say(f"  limits    {', '.join(limits) or 'not known'}")
    if shown.override is not None:
        say(f"  override  {shown.override}, in prices: of the settings")
    if shown.price is not None:
        _say_price("now", shown.price)
    for tier, price in shown.service_tiers.items():
        _say_price(f"service tier {tier}", price)
    for one in shown.disagreements:
        say(
            f"  doubtful  {one.meter} of {one.model}: genai-prices says ${one.genai_prices_usd}{_as(one)}, litellm ${one.litellm_usd} per "
            f"1,000,000; charged is ${one.used_usd or 'nothing known'}, as {one.used} says"
        )
    if shown.override is not None and shown.list_price is not None:
        _say_price("on the public list, without the settings", shown.list_price)
    for dated in shown.dates:
        since = dated.since[:10] if dated.since is not None else "the beginning"
        _say_price(f"list price from {since}{f', daily {dated.daily} UTC' if dated.daily else ''}", dated.price)
    if shown.ceiling is not None:
        say("  No price is known: a budget refuses it, unless it says on_unpriced: ceiling (or count).")
        _say_price("what would be held and charged at the ceiling", shown.ceiling)
        say(f"Give it a price with: tollway prices override {name} --input 2.5 --output 10")
    return 0


def show_diff(config: str | None, *, provider: str | None, as_json: bool) -> int:
    """0, whether or not there is anything to show; 2 where the settings cannot be used."""
    snapshot = _read(config)
    if snapshot is None:
        return 2
    found = disagreements(snapshot.book, provider, _now())
    if as_json:
        show_json({"price_book": snapshot.book.version, "items": [one.model_dump() for one in found]})
        return 0
    made = table(
        f"Where the price lists disagree, in US dollars for a million ({snapshot.book.version})",
        ("model", "left"),
        ("meter", "left"),
        ("genai-prices", "right"),
        ("litellm", "right"),
        ("differs by", "right"),
        ("used", "right"),
        ("from", "left"),
    )
    rows(
        made,
        [
            [
                f"{one.provider}/{one.model}",
                one.meter,
                f"{one.genai_prices_usd}{_as(one)}",
                one.litellm_usd,
                f"{one.difference_percent} %",
                one.used_usd or "-",
                one.used,
            ]
            for one in found
        ],
    )
    say(
        f"Prices that differ: {count(len(found))}. Where the used one is wrong: tollway prices override PROVIDER/MODEL ..."
    )
    return 0


def _as(one: DisagreementShown) -> str:
    return f" as {one.charged_as}" if one.charged_as is not None else ""


def price_settings(text: str) -> Snapshot:
    """What a settings file means for prices; its secrets are not looked up, and need not be there.

    Raises SettingsInvalid for what the gateway would not take either.
    """
    document = settings_file.parse(text) if text else Document()
    book = PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())
    return compile_document(document, resolve=_stand_in, book=book, pepper=bytes(32), revision=0, text=text)


def _stand_in(reference: str, where: str) -> str:
    # Each secret must be one, and differ from the others.
    return reference if reference == "none" else hashlib.sha256(where.encode()).hexdigest()


def _read(config: str | None) -> Snapshot | None:
    """The settings in force; the price lists alone where there are none. `None` once it is told why not."""
    try:
        path = read_settings({"config": config}).document
        text = settings_file.read(path)[0] if config is not None or path.exists() else ""
        return price_settings(text)
    except SettingsInvalid as error:
        complain(f"Settings cannot be used: {error}")
        return None


def _now() -> int:
    return time.time_ns() // 1_000_000


def _cells(price: PriceShown | None) -> list[str]:
    """The four columns, every other meter, and the long-context tiers."""
    if price is None:
        return ["no price", *[""] * (len(_COLUMNS) + 1)]
    by_meter = {meter.meter: meter for meter in price.meters}
    columns = [_million(by_meter[name]) if name in by_meter else "" for name in _COLUMNS]
    others = [f"{m.meter} ${m.amount_usd}{_per(m)}" for m in price.meters if m.meter not in _COLUMNS]
    return [*columns, ", ".join(others), "; ".join(_long(tier) for tier in price.long_context)]


def _long(tier: LongContext) -> str:
    both = [_million(meter) for meter in tier.meters if meter.meter in ("input", "output")]
    return f"over {count(tier.over_input_tokens)}: {' / '.join(both)}"


def _origin(price: PriceShown | None, override: str | None) -> list[str]:
    if price is None:
        return ["", ""]
    since = price.effective_from[:10] if price.effective_from is not None else ""
    return [
        since,
        f"{price.source}, changed by {override}" if override and price.source != "settings" else price.source,
    ]


def _million(meter: MeterShown) -> str:
    """The price of a million, exact where it can be written so."""
    whole, rest = divmod(parse(meter.amount_usd) * MILLION, meter.per)
    return dollars(whole) if rest == 0 else amount(dollars(whole))


def _per(meter: MeterShown) -> str:
    return f" per {count(meter.per)} {meter.unit}" if meter.per != 1 else f" per {meter.unit.removesuffix('s')}"


def _say_price(heading: str, price: PriceShown) -> None:
    begins = f", since {price.effective_from[:10]}" if price.effective_from is not None else ""
    ends = f", until {price.effective_to[:10]}" if price.effective_to is not None else ""
    free = ", free" if price.free else ""
    say(f"  {heading}: {price.source}{begins}{ends}{free}", f"    id        {price.id}")
    if price.source_url is not None:
        say(f"    page      {price.source_url}")
    _say_meters(price.meters, price.source)
    for tier in price.long_context:
        say(f"    with more than {count(tier.over_input_tokens)} input tokens, the whole request:")
        _say_meters(tier.meters, price.source)


def _say_meters(meters: list[MeterShown], source: str) -> None:
    width = max((len(meter.meter) for meter in meters), default=0)
    for meter in meters:
        elsewhere = f"  (from {meter.source})" if meter.source != source else ""
        say(f"      {meter.meter:<{width}}  ${meter.amount_usd}{_per(meter)}{elsewhere}")
