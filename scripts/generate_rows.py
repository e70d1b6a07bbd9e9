"""Fills a scratch data folder with made-up requests: ledger entries, log records and their rollups.

    python scripts/generate_rows.py /tmp/scratch --rows 1000000 --days 90 --users 500

For measuring (`scripts/measure_analytics.py`), never for a folder that is in use. The same arguments make the same rows, up to
the instant that they end at.
"""

import argparse
import bisect
import itertools
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tollway.ledger.entry import Context, LedgerEntry
from tollway.logs.record import Attempt, Decision, Durations, LogRecord
from tollway.money import Money
from tollway.pricing.charge import Charge, ChargeLine
from tollway.pricing.units import UnitPrice
from tollway.storage import migrations
from tollway.storage.sql import meters, rollups, rows, statements
from tollway.storage.sql.driver import Connection
from tollway.storage.sqlite import connection
from tollway.usage import Usage

HOUR_MS = 3_600_000
AT_ONCE = 20_000
ROLLED_AT_ONCE = 5_000
MODELS = (
    ("openai", "gpt-5"), ("openai", "gpt-5-mini"), ("openai", "gpt-4o"), ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-opus-4-5"), ("anthropic", "claude-sonnet-4-5"), ("anthropic", "claude-haiku-4-5"),
    ("google", "gemini-2.5-pro"), ("google", "gemini-2.5-flash"), ("mistral", "mistral-large"),
)  # fmt: skip
TEAMS = 20
_REFUSED = ("budget_exceeded", "budget_exceeded", "budget_exceeded", "rate_limited", "model_not_allowed")
_DOWNGRADED = Decision(
    step="route",
    outcome="note",
    code="downgraded",
    rule="company",
    detail="openai/gpt-5-mini instead of openai/gpt-5",
)
_BALANCES = """
INSERT INTO balances (account, bucket, spent_nanodollars, through_seq)
SELECT json_extract(leg.value, '$[0]'), json_extract(leg.value, '$[1]'), sum(amount_nanodollars), ?1
FROM entries, json_each(CAST(legs AS TEXT)) AS leg GROUP BY 1, 2
"""


class People:
    """Who asks: each with a team, a key, a few models, and their own busyness."""

    def __init__(self, count: int, chance: random.Random) -> None:
        self.contexts: list[tuple[Context, ...]] = []
        for number in range(count):
            team = f"team-{number % TEAMS:02}"
            self.contexts.append(
                tuple(
                    Context(
                        gateway="default" if number % 5 else "batch",
                        provider=provider,
                        model=model,
                        user=f"user{number:04}@example.com",
                        groups=("everybody", team),
                        key=f"key-{number:04}",
                        metadata={"team": team, "environment": ("prod", "staging", "dev")[number % 3]},
                    )
                    for provider, model in chance.sample(MODELS, 3)
                )
            )
        # A few ask a lot.
        self._upto = list(itertools.accumulate(1_000_000 // (number + 10) for number in range(count)))
        self._chance = chance

    def one(self) -> Context:
        person = bisect.bisect(self._upto, self._chance.randrange(self._upto[-1]))
        return self.contexts[person][min(int(self._chance.expovariate(1.2)), 2)]


def busy_hours(until: int, days: int, chance: random.Random) -> tuple[list[int], list[int]]:
    """Hours, and how much of the traffic comes up to each: office hours more than nights and weekends."""
    first = (until - days * 24 * HOUR_MS) // HOUR_MS
    hours = list(range(first, until // HOUR_MS))
    weights = [
        (2 if (hour // 24 + 4) % 7 in (0, 6) else 10) * (8 if 7 <= hour % 24 <= 17 else 1) + chance.randrange(3)
        for hour in hours
    ]
    return hours, weights


def made_up(count: int, until: int, days: int, users: int) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Rows of an entry and of its record, in the order of time."""
    chance = random.Random(20_260_101)
    people = People(users, chance)
    hours, weights = busy_hours(until, days, chance)
    whole, number, upto = sum(weights), 0, 0
    for hour, weight in zip(hours, weights, strict=True):
        upto += weight
        instants = sorted(chance.randrange(HOUR_MS) for _ in range(count * upto // whole - number))
        for instant in instants:
            number += 1
            yield _pair(number, hour * HOUR_MS + instant, people.one(), chance)


def _pair(number: int, at: int, context: Context, chance: random.Random) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    request_id, hour = f"{at:012x}-{number:08x}", at - at % HOUR_MS
    read, written = chance.randrange(200, 20_000), chance.randrange(10, 2_000)
    usage = Usage(input_tokens=read, cache_read_input_tokens=read // 2, output_tokens=written)
    input_amount, output_amount = Money(read * 1_250), Money(written * 10_000)
    charge = Charge(
        Money(input_amount + output_amount),
        (
            ChargeLine("input", read, UnitPrice(Money(1_250_000_000), 1_000_000), input_amount),
            ChargeLine("output", written, UnitPrice(Money(10_000_000_000), 1_000_000), output_amount),
        ),
        "price",
        "metered",
    )
    refused = number % 97 == 0
    failed = not refused and number % 211 == 0
    decisions = (Decision(step="reserve", outcome="deny" if refused else "allow", rule="company"),)
    if not refused and not failed and number % 61 == 0:
        decisions = (_DOWNGRADED, *decisions)
    took = int(chance.lognormvariate(14.2, 0.8))
    status = 429 if refused else 502 if failed else 200
    settled = LedgerEntry(
        id=f"{request_id}.1.{'unpriced' if number % 5_003 == 0 else 'charge'}",
        reservation_id=f"{request_id}.1",
        request_id=request_id,
        attempt=1,
        kind="unpriced" if number % 5_003 == 0 else "charge",
        charge=Charge(Money(0), (), "", "metered") if number % 5_003 == 0 else charge,
        legs=(("company", hour), (f"each[user={context.user}]", hour)),
        context=context,
        response_model=context.model,
        usage=usage,
        occurred_at=at,
        recorded_at=at + took // 1000,
    )
    record = LogRecord(
        request_id=request_id,
        at=at,
        gateway=context.gateway,
        method="POST",
        path="/v1/chat/completions",
        api="openai.chat",
        status=status,
        code=_REFUSED[number % 5] if refused else "upstream_error" if failed else "",
        provider=context.provider,
        request_model=context.model,
        response_model=context.model,
        user=context.user,
        groups=context.groups,
        key=context.key,
        metadata=context.metadata,
        usage=usage,
        charge=charge,
        decisions=decisions,
        attempts=(
            Attempt(number=1, provider=context.provider, model=context.model, outcome="answered", status=status),
        ),
        durations=Durations(total_us=took + 900, upstream_us=took, first_chunk_us=took // 3),
        streamed=number % 2 == 0,
        request_bytes=read * 4,
        response_bytes=written * 4,
        user_agent="OpenAI/Python 2.1.0",
        cached=number % 31 == 0,
        saved=Money(4_200_000) if number % 31 == 0 else None,
    )
    return (number, *rows.of_entry(settled)), rows.of_record(record)


def save_balances(writing: Connection, last: int) -> None:
    """Saves what every account has spent, as the gateway does while it runs: else it would read all entries when it starts."""
    with writing:
        writing.execute(_BALANCES, (last,))
        writing.execute(statements.SAVE_MARK, ("balances", last))


def roll(writing: Connection) -> None:
    """Rolls up all there is, as the gateway's worker would."""
    known = rollups.Known()
    for table in ("spending", "traffic"):
        more = True
        while more:
            gathered = rollups.gather(writing, table, ROLLED_AT_ONCE)
            with writing:
                rollups.book(writing, gathered, known)
            more = gathered.more
    more = True
    while more:
        metered = meters.gather(writing, ROLLED_AT_ONCE)
        with writing:
            meters.book(writing, metered, known)
        more = metered.more


def main() -> None:
    asked = argparse.ArgumentParser(description="Fills a scratch data folder with made-up requests.")
    asked.add_argument("folder", type=Path)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--days", type=int, default=90)
    asked.add_argument("--users", type=int, default=500)
    asked.add_argument("--until", type=int, default=int(time.time() * 1000), help="Unix milliseconds; default: now")
    given = asked.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = given.folder / connection.FILE
    if path.exists():
        raise SystemExit(f"{path} is there already; give a folder that has no store.")
    migrations.upgrade(path)
    lock = connection.FolderLock(given.folder)
    writing = connection.writer(path, "normal")
    # What is lost with the power is made again.
    writing.execute("PRAGMA synchronous = OFF")
    writing.execute("PRAGMA cache_size = -262144")
    began = time.monotonic()
    pairs = made_up(given.rows, given.until, given.days, given.users)
    written = 0
    while batch := list(itertools.islice(pairs, AT_ONCE)):
        with writing:
            writing.executemany(statements.INSERT_ENTRY, [entry for entry, _ in batch])
            writing.executemany(statements.INSERT_RECORD, [record for _, record in batch])
        writing.wal_checkpoint()
        written += len(batch)
        if written % 500_000 < AT_ONCE:
            print(f"{written:,} rows of each after {time.monotonic() - began:.0f} s", flush=True)
    rolled = time.monotonic()
    save_balances(writing, written)
    roll(writing)
    writing.wal_checkpoint()
    print(f"{written:,} rows of each in {rolled - began:.0f} s; rolled up in {time.monotonic() - rolled:.0f} s")
    for table in ("contexts", "spending", "traffic", "sittings", "meters", "calls", "stops"):
        print(f"{table}: {writing.execute(f'SELECT count(*) FROM {table}').get:,} rows")
    writing.close()
    lock.release()


if __name__ == "__main__":
    main()
