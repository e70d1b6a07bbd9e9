"""The ledger's past in the order in which it happened, in pieces that fit into memory.

The store answers pages, newest first. So the time is cut into slices that are as long as to hold about `AIM` entries, each
is read whole and turned around. All entries of an attempt have the instant of its admission, so they are in one slice.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import cast

from tollway.budgets.replay import Past
from tollway.ledger.entry import Context, LedgerEntry
from tollway.storage.protocol import Filter, Records
from tollway.usage import Usage

READ_AT_ONCE = 250
"""Entries of a page: decoding them holds the interpreter's lock for a few milliseconds."""

AIM = 1_000
MOST = 2_000
"""Entries of a slice, unless they are all of one millisecond."""

_HOUR_MS = 3_600_000
OUTPUT = frozenset({"output", "reasoning"})
"""Meters of the text of an answer, which a smaller cap makes less of."""


async def slices(records: Records, since: int, until: int) -> AsyncGenerator[Sequence[LedgerEntry]]:
    """Every entry admitted in [since, until) (Unix milliseconds), oldest first, but for openings, which move no money."""
    start, width = since, _HOUR_MS
    while start < until:
        end = min(until, start + width)
        found = await _read(records, start, end)
        if len(found) > MOST and end - start > 1:
            # The newest of them tell how dense they are; what was read is read again.
            width = max(1, min((end - start) // 2, end - found[-1].occurred_at))
            continue
        found.reverse()
        yield [entry for entry in found if entry.kind != "opening"]
        start = end
        if len(found) < AIM:
            width = width * 4 if len(found) * 4 < AIM else width * 3 // 2 + 1


def attempts(entries: Sequence[LedgerEntry]) -> Iterator[tuple[Context, Past]]:
    """The attempts of a slice, each with all that was booked for it, in the order of their first entries."""
    gathered: dict[tuple[str, int], list[LedgerEntry]] = {}
    for entry in entries:
        gathered.setdefault((entry.request_id, entry.attempt), []).append(entry)
    for each in gathered.values():
        yield each[0].context, _past(each)


def _past(entries: Sequence[LedgerEntry]) -> Past:
    context = entries[0].context
    kinds = {entry.kind for entry in entries}
    amount = sum(entry.charge.amount for entry in entries)
    usage = next((entry.usage for entry in reversed(entries) if entry.usage is not None), None)
    tokens, cost = _output(entries, usage, amount)
    return Past(
        at=entries[0].occurred_at,
        amount=amount,
        who=context.user or context.service,
        model=f"{context.provider}/{context.model}" if context.model else context.provider,
        # A re-rate gives what had no price its cost in a correction.
        priced="unpriced" not in kinds or "correction" in kinds,
        judged=not kinds <= {"credit", "correction"},
        output_tokens=tokens,
        output_amount=cost,
        usage=usage,
    )


def _output(entries: Sequence[LedgerEntry], usage: Usage | None, amount: int) -> tuple[int, int]:
    """(tokens, nanodollars) of the answer; nothing of one whose lines do not tell it, as those of a re-rated one."""
    kinds = [entry.kind for entry in entries]
    if usage is None or not usage.output_tokens or kinds not in (["charge"], ["presumed", "correction"]):
        return 0, 0
    cost = sum(line.amount for entry in entries for line in entry.charge.lines if line.meter in OUTPUT)
    return (usage.output_tokens, cost) if 0 < cost <= amount else (0, 0)


async def _read(records: Records, since: int, until: int) -> list[LedgerEntry]:
    """Newest first: all of them, or more than `MOST` where there are; of a single millisecond always all."""
    found: list[LedgerEntry] = []
    cursor: str | None = None
    while True:
        page = await records.entries(Filter(since=since, until=until), limit=READ_AT_ONCE, cursor=cursor)
        found.extend(cast(Sequence[LedgerEntry], page.items))
        cursor = page.next
        if cursor is None or (len(found) > MOST and until - since > 1):
            return found
