"""What one past attempt costs at the prices of now, and the ledger entry that would make it so.

Pure: entries and settings in, an entry out. An entry of the past is never changed: what it was charged and what has
been corrected since is one sum, and a new correction is the difference to it.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from tollway.errors import UsageInvalid
from tollway.ledger.entry import LedgerEntry, entry_id
from tollway.money import Money
from tollway.pricing.charge import Charge, ChargeLine, charge, charge_report
from tollway.pricing.lines import usage_of
from tollway.pricing.units import Price, UnitPrice
from tollway.snapshot import Listed, Snapshot
from tollway.usage import Report, Usage

TAKEN_BACK = "charged_before"
"""The line of a correction that takes back what the attempt had been charged until then."""

_PRESUMED = "presumed"
"""The line of a late settlement that takes its presumption back (`ledger.journal.correction`)."""

STANDARD = "standard"
"""How a person names the tier that has no name."""

LEFT_OUT: dict[str, str] = {
    "presumed": "the provider never told what was used, so the hold stands as spent",
    "custom_cost": "the caller said what the request costs",
    "stated_cost": "the provider itself said what it charges",
    "free_call": "the call costs nothing whatever the model: it counts tokens, or reads what was made before",
    "provider_unknown": "the provider is no longer in the settings",
    "price_unknown": "no price is known for the model at that time",
    "tier_unknown": "the model's price depends on the service tier, and the ledger does not say which one it was",
    "usage_unknown": "the ledger has no usage that the price could be multiplied with",
    "usage_unexplained": "the charge does not follow from the usage that is kept: sub-calls of several models, perhaps",
    "several_answers": "it may be a batch, and the price depends on how long each of its requests was",
    "entry_missing": "what it was first charged is not among the entries that were chosen",
}
"""Why an attempt is not rated again."""


class Rated(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at the price that now holds for the moment it was admitted."""

    original: LedgerEntry
    """The entry whose usage was priced."""
    before: int
    """Nanodollars it has been charged until now, corrections included."""
    after: int
    correction: LedgerEntry | None
    """What would be booked; `None` where the two are the same."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt that stays as it is."""

    reason: str
    """A key of `LEFT_OUT`."""
    before: int
    request_id: str


def rerate(entries: Sequence[LedgerEntry], snapshot: Snapshot, *, now: int, unknown_tier: str | None) -> Rated | Kept:
    """What `entries`, all those of one attempt in the order in which they were booked, come to at the prices of now.

    `unknown_tier`: the service tier to take where the ledger does not tell it and the price depends on it; `None`
    leaves such an attempt out.
    """
    before = sum(entry.charge.amount for entry in entries)
    original = next((entry for entry in reversed(entries) if not _is_rerated(entry)), entries[0])
    priced = _at_price_of_now(entries, original, snapshot, unknown_tier)
    if isinstance(priced, str):
        return Kept(reason=priced, before=before, request_id=original.request_id)
    correction = _correction(entries, original, priced, before, now) if priced.amount != before else None
    return Rated(original=original, before=before, after=priced.amount, correction=correction)


def tier_of(price_id: str | None) -> tuple[bool, str | None]:
    """Whether a price's id tells the service tier it is for, and which: `None` is the standard one.

    An id of the list has it as a label: `provider/model@always+priority.2026-10-12+us#book`. A price of the settings,
    of a caller, or at a ceiling is the same at every tier, so its id tells none.
    """
    said, _, date = (price_id or "").rpartition("#")
    labels = said.rpartition("@")[2].split("+") if "@" in said else []
    if not labels or re.fullmatch(r"\d{4}-\d\d-\d\d", date) is None or labels[0] in ("ceiling", "stated"):
        return False, None
    tiers = [label.partition(".")[0] for label in labels[1:] if not label.startswith(("zone.", "settings."))]
    return True, "+".join(tiers) or None


def _at_price_of_now(
    entries: Sequence[LedgerEntry], original: LedgerEntry, snapshot: Snapshot, unknown_tier: str | None
) -> Charge | str:
    """What the attempt costs now, or why that cannot be told."""
    was = _first_charge(original)
    refused = _untouchable(entries, original, was)
    if refused is not None:
        return refused
    provider = snapshot.provider(original.context.provider)
    if provider is None:
        return "provider_unknown"
    at = original.occurred_at
    listed = snapshot.listed(provider, original.context.model or None, at, _path(provider.kind, was.price_id))
    if not any(True for _ in _prices(snapshot, listed, original)):
        return "price_unknown"
    usage = _usage(original, was)
    if usage is None:
        return "usage_unknown" if original.kind == "unpriced" or not was.lines else "usage_unexplained"
    if original.kind == "correction" and _depends_on_size(snapshot, listed, original):
        return "several_answers"
    known, tier = next(
        (found for entry in reversed(entries) if (found := tier_of(entry.charge.price_id))[0]), (False, None)
    )
    if not known and _depends_on_tier(snapshot, listed, original):
        if unknown_tier is None:
            return "tier_unknown"
        tier = unknown_tier if unknown_tier != STANDARD else None
    report = Report(usage=usage, response_model=original.response_model, service_tier=tier)
    try:
        found = charge_report(
            report,
            snapshot.book,
            provider=listed.provider,
            requested_model=listed.model,
            at_ms=at,
            basis=was.basis,
            long_context=not _was_short(was),
        )
    except UsageInvalid:
        return "usage_unexplained"
    if found is None:
        return "usage_unknown"
    return _unless_equal(found, was) if isinstance(found, Charge) else "price_unknown"


_FIRST_THRESHOLD = 200_000
"""Tokens: above it an input was priced as a long context, unless it was the sum of several short ones."""


def _was_short(was: Charge) -> bool:
    """Whether an input that long was billed as several turns of a tool: a web search is among the lines."""
    tokens = sum(
        line.quantity for line in was.lines if line.meter in ("input", "cache_read", "cache_write", "cache_write_1h")
    )
    return tokens > _FIRST_THRESHOLD and any(line.meter == "web_search" for line in was.lines)


def _untouchable(entries: Sequence[LedgerEntry], original: LedgerEntry, was: Charge) -> str | None:
    """Why an attempt is never rated again, whatever its model costs."""
    if all(entry.kind == "correction" for entry in entries):
        return "entry_missing"
    if original.kind == "presumed":
        return "presumed"
    if any(line.meter == "stated" for line in was.lines):
        return "stated_cost"
    if was.price_id is not None and was.price_id.startswith("request/*@custom#"):
        return "custom_cost"
    if original.kind != "unpriced" and not was.price_id and not was.lines:
        return "free_call"
    return None


def _is_rerated(entry: LedgerEntry) -> bool:
    """Whether an entry is a correction that was made here: it has no usage of its own, so that tokens count once."""
    return (
        entry.kind == "correction"
        and entry.usage is None
        and any(line.meter == TAKEN_BACK for line in entry.charge.lines)
    )


def _first_charge(original: LedgerEntry) -> Charge:
    """The charge of an entry; of a late settlement, without what it takes back."""
    if original.kind != "correction":
        return original.charge
    lines = tuple(line for line in original.charge.lines if line.meter != _PRESUMED)
    return msgspec.structs.replace(original.charge, amount=Money(sum(line.amount for line in lines)), lines=lines)


def _usage(original: LedgerEntry, was: Charge) -> Usage | None:
    """What was billed: the usage that the provider told, if the charge follows from it, else what its lines count.

    An answer that broke off was counted by its bytes, and parts of some bills stand in the request alone: of those the
    ledger has the lines, and no usage that tells them.
    """
    # A late settlement may be a batch's, whose usage adds up all its answers: its lines say more.
    if original.usage is not None and original.kind != "correction" and _explains(original.usage, was.lines):
        return original.usage
    counted = usage_of(was.lines)
    return counted if counted is not None and _explains(counted, was.lines) else None


def _explains(usage: Usage, lines: Sequence[ChargeLine]) -> bool:
    """Whether these lines are what `usage` comes to at their own unit prices."""
    if not lines:
        return True
    units = {line.meter: line.unit_price for line in lines}
    if "file_search" not in units:
        # The list's fee for them is held and not charged (`charge_report`).
        usage = msgspec.structs.replace(usage, file_searches=None)
    try:
        made = charge(usage, Price(id="", provider="", model="", units=units))
    except UsageInvalid:
        return False
    # A meter that is there twice is one of sub-calls, each of which may have had a price of its own.
    return sorted((line.meter, line.quantity) for line in made.lines) == sorted(
        (line.meter, line.quantity) for line in lines
    )


def _prices(snapshot: Snapshot, listed: Listed, original: LedgerEntry) -> Iterator[Price]:
    """The prices that may now hold for an attempt: of the model that answered, and of the one asked for."""
    for model in {original.response_model or listed.model, listed.model}:
        price = snapshot.book.price(listed.provider, model, at_ms=original.occurred_at)
        if price is not None:
            yield price


def _depends_on_tier(snapshot: Snapshot, listed: Listed, original: LedgerEntry) -> bool:
    """Whether the price that now holds is another one at another service tier."""
    for price in _prices(snapshot, listed, original):
        entry = snapshot.book.find(price.provider, price.model)
        # What the settings write in dollars is the same at every tier.
        written = price.overridden and not price.discounted
        if not written and entry is not None and (entry.variants or entry.uplifts):
            return True
    return False


def _depends_on_size(snapshot: Snapshot, listed: Listed, original: LedgerEntry) -> bool:
    """Whether the price that now holds differs between long requests and short ones."""
    return any(price.tiers or price.at_least for price in _prices(snapshot, listed, original))


def _unless_equal(found: Charge, was: Charge) -> Charge:
    """`found` with the amounts of `was` where nothing has changed: a batch rounds up each of its answers."""
    before = {(line.meter, line.quantity, line.unit_price): line for line in was.lines}
    lines = tuple(before.get((line.meter, line.quantity, line.unit_price), line) for line in found.lines)
    return msgspec.structs.replace(found, amount=Money(sum(line.amount for line in lines)), lines=lines)


def _path(kind: str, price_id: str | None) -> str:
    """Hugging Face's paths name who serves the model; the ledger keeps that in the price's id alone."""
    by = (price_id or "").partition("/")[0]
    return f"/{by.removeprefix('huggingface_')}/v1/" if kind == "huggingface" and by.startswith("huggingface_") else ""


def _correction(
    entries: Sequence[LedgerEntry], original: LedgerEntry, priced: Charge, before: int, now: int
) -> LedgerEntry:
    # The number is the count of earlier corrections: of two that are made from the same past only one can be booked.
    number = sum(entry.kind == "correction" for entry in entries)
    back = Money(-before)
    lines = (*priced.lines, ChargeLine(TAKEN_BACK, 1, UnitPrice(back, 1), back))
    amount = Money(priced.amount - before)
    assert amount == sum(line.amount for line in lines), "the lines of a correction add up to it"
    return msgspec.structs.replace(
        original,
        id=entry_id(original.request_id, original.attempt, "correction", number),
        kind="correction",
        charge=Charge(amount, lines, priced.price_id, priced.basis),
        # Tokens are counted where they were first told.
        usage=None,
        recorded_at=now,
    )
