"""A file and PostgreSQL, with the same rows, give the same answers to every question: the same values, of the same types, in the same
order."""

import shutil
from collections.abc import AsyncIterator, Awaitable
from operator import attrgetter
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tollway.alerts import Snooze
from tollway.ledger.entry import Kind, LedgerEntry, entry_id
from tollway.logs.record import Decision, Durations, LogRecord
from tollway.logs.remark import Patch
from tollway.money import Money
from tollway.pricing.charge import Charge, ChargeLine
from tollway.pricing.units import UnitPrice
from tollway.statements.month import month_of
from tollway.storage.analytics import MEASURES, Condition, Question
from tollway.storage.billing import ADJUSTMENTS, Why
from tollway.storage.conformance.cabinet import kept
from tollway.storage.conformance.jobs import batch
from tollway.storage.conformance.records import record, spending
from tollway.storage.conformance.remembered import change, event
from tollway.storage.conformance.values import NOW
from tollway.storage.fields import ENTRY_FIELDS, GROUP_FIELDS, RECORD_FIELDS
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.protocol import Filter, Known
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite import SqliteStore
from tollway.usage import Usage

HOUR, DAY = 3_600_000, 86_400_000
# Names that a language, a collation or a format may stumble over.
NAMES = [
    *("ann", "Ann", "ANN", "bob", "ann's", 'say "hi"', "100%", "a_b", "a-b", "ab", "a b", "C:\\new", "\\u0000", "\\x00", "😀", "🏳️‍🌈"),
    *("Ünï", "ünï", "Zoë", "z", "é", "e\u0301", "ﬀ", "ａ", "$.a", "[0]", "{", "}", "[", "null", "true", "1", "01", "-1", "?", "$1", ":x"),
    # Longer than any index of PostgreSQL has room for, and nothing makes it shorter.
    "".join(map(chr, Random(1).choices(range(0x10000, 0x1F000), k=3_000))),
    *("\n", "\t", " ", "\x7f", "\u2028", "\U0010ffff", "1); DROP TABLE entries; --", "x" * 300, "İ", "ß", "_", "~", "/", "."),
]  # fmt: skip
NAMES.append("")
KEYS = ["team", "trace", "x.y", "$.a", '"', "ключ", "a%b", "\\", "session", "[0]", "Team", " "]
KINDS: list[Kind] = ["charge", "charge", "charge", "unpriced", "presumed", "credit", "opening"]
FULL = "1" * 19


class Both:
    """Two stores that are told the same."""

    def __init__(self, file: SqlStore, server: SqlStore) -> None:
        self.file = file
        self.server = server
        self.asked = 0

    async def __call__(self, method: str, *given: Any, **named: Any) -> Any:
        """What both answer; `method` as "records.spend"."""
        self.asked += 1
        of_file, of_server = [
            await answer(attrgetter(method)(store)(*given, **named)) for store in (self.file, self.server)
        ]
        assert repr(of_server) == repr(of_file), (method, given, named)
        return of_file


async def answer(asked: Awaitable[Any]) -> Any:
    try:
        return await asked
    except ValueError as error:
        return type(error)


@pytest.fixture
async def both(blank: Path, tmp_path: Path, postgres_url: str) -> AsyncIterator[Both]:
    (tmp_path / "file").mkdir()
    shutil.copy(blank, tmp_path / "file")
    made = Both(SqliteStore(tmp_path / "file"), PostgresStore(postgres_url, tmp_path))
    for store in (made.file, made.server):
        await store.open(NOW - 1_000)
    yield made
    for store in (made.file, made.server):
        await store.close()


class Rows:
    """Random rows, and random questions about them."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.names = self.chance.sample(NAMES, 12)
        self.keys = self.chance.sample(KEYS, 4)

    def name(self) -> str:
        return self.chance.choice(self.names)

    def maybe(self) -> str | None:
        return self.chance.choice([None, "", self.name(), self.name(), self.name()])

    def at(self) -> int:
        return NOW + self.chance.choice(
            [self.chance.randrange(-2 * DAY, 40 * DAY), HOUR * self.chance.randrange(72), self.chance.randrange(4)]
        )

    def metadata(self) -> dict[str, str]:
        return {
            key: self.chance.choice(["", self.name()])
            for key in self.chance.sample(self.keys, self.chance.randrange(3))
        }

    def groups(self) -> tuple[str, ...]:
        return tuple(self.chance.choice(["", self.name()]) for _ in range(self.chance.randrange(3)))

    def who(self) -> dict[str, Any]:
        return {
            "gateway": self.name(), "model": self.name(), "user": self.maybe(), "key": self.maybe(),
            "service": self.maybe(), "groups": self.groups(), "metadata": self.metadata(),
        }  # fmt: skip

    def usage(self) -> Usage | None:
        return self.chance.choice(
            [None, Usage(), Usage(input_tokens=7, output_tokens=0), Usage(input_tokens=2**55, output_tokens=2**55)]
        )

    def entries(self) -> list[LedgerEntry]:
        found: list[LedgerEntry] = []
        for number in range(60):
            kind = self.chance.choice(KINDS)
            amount = self.chance.choice(
                [0, 1, -1, 3 * 10**9, self.chance.randrange(-(10**15), 10**15), 2**61, -(2**61)]
            )
            made = spending(f"r{number}", amount, kind, self.at(), provider=self.name(), **self.who())
            line = ChargeLine("input", 3, UnitPrice(Money(amount), 1), Money(amount))
            charge = Charge(
                Money(amount), (line,) if kind == "charge" else (), "p1", self.chance.choice(["metered", "counted"])
            )
            made = msgspec.structs.replace(
                made, charge=charge, usage=self.usage(), response_model=self.maybe(), recorded_at=self.at()
            )
            found.append(made)
            if kind in ("unpriced", "presumed", "charge") and self.chance.random() < 0.3:
                identity = entry_id(made.request_id, made.attempt, "correction", 0)
                more = Charge(Money(self.chance.randrange(-(10**9), 10**9)))
                corrected = msgspec.structs.replace(
                    made, id=identity, kind="correction", charge=more, usage=self.usage()
                )
                found.append(msgspec.structs.replace(corrected, recorded_at=self.at()))
        return found

    def records(self) -> list[LogRecord]:
        found: list[LogRecord] = []
        for number in range(60):
            code = self.chance.choice(["", "", "budget_exceeded", "upstream_invalid"])
            decisions = self.chance.choice(
                [
                    (),
                    (Decision(step="policy", outcome="deny", code=code, detail=self.name()),),
                    (Decision(step="route", outcome="note", code="downgraded", detail="a/b instead of openai/gpt-5"),),
                ]
            )
            who = self.who()
            found.append(
                record(
                    f"r{self.chance.randrange(50)}", self.at(), provider=self.maybe(), request_model=self.maybe(), code=code,
                    status=self.chance.choice([200, 404, 429, 499, 500]), decisions=decisions, user_agent=self.name(),
                    gateway=who["gateway"], user=who["user"], key=who["key"], service=who["service"], groups=who["groups"],
                    metadata=who["metadata"], usage=self.usage(), charge=self.chance.choice([None, Charge(Money(5 * number))]),
                    durations=Durations(total_us=number * 70_000, upstream_us=self.chance.choice([None, 5])),
                    cached=self.chance.random() < 0.2, saved=self.chance.choice([None, Money(2**60)]),
                )
            )  # fmt: skip
        return found

    def field(self, among: frozenset[str]) -> str:
        if self.chance.random() < 0.3:
            return f"metadata.{self.chance.choice(self.keys)}"
        return self.chance.choice(sorted(among))

    def value(self, field: str) -> str:
        known = {
            "kind": ["charge", "correction"], "status": ["200", "42", "x"], "code": ["budget_exceeded"], "feedback": ["1", "-1", "0"],
            "request_id": ["r1", "r2", "r"],
        }  # fmt: skip
        return self.chance.choice([*known.get(field, [self.name(), self.name(), "Ann"]), ""])

    def where(self, among: frozenset[str]) -> Filter:
        fields = [self.field(among) for _ in range(self.chance.randrange(3))]
        return Filter(
            since=self.chance.choice([None, None, self.at(), -1]),
            until=self.chance.choice([None, None, self.at(), 2**63 - 1]),
            equals={field: self.value(field) for field in fields},
        )

    def question(self) -> Question:
        table: Any = self.chance.choice(["spending", "traffic"])
        own = {"kind"} if table == "spending" else {"status"}
        fields = ["gateway", "provider", "model", "user", "group", "key", "service", *own]
        fields += [f"metadata.{key}" for key in self.keys]
        values = [*self.names, "", "charge", "2xx"]
        columns: Any = {table: tuple(self.chance.sample(MEASURES[table], self.chance.randrange(1, 5)))}
        where = [
            Condition(
                field=self.chance.choice(fields),
                values=tuple(self.chance.sample(values, self.chance.randrange(3))),
                prefixes=tuple(self.chance.sample(["a", "Ü", "C:\\", "", "😀", "%"], self.chance.randrange(2))),
                negated=self.chance.random() < 0.4,
            )
            for _ in range(self.chance.randrange(3))
        ]
        instants = {self.at() // HOUR * HOUR if self.chance.random() < 0.7 else self.at() for _ in range(4)}
        bounds = sorted(instants | {NOW - 3 * DAY, NOW + 50 * DAY})
        by = tuple(self.chance.sample(fields, self.chance.randrange(3)))
        return Question(bounds=bounds, by=by, where=tuple(where), columns=columns, limit=self.chance.randrange(1, 9))


async def fill(both: Both, rows: Rows) -> None:
    for each in rows.entries():
        # Whatever the other does, one of them takes it or neither.
        assert both.file.ledger.settle(each) is both.server.ledger.settle(each), each
    for made in rows.records():
        both.file.records.write(made)
        both.server.records.write(made)
    for store in (both.file, both.server):
        await store.ledger.flush()
        await store.records.flush()


@pytest.mark.parametrize("seed", range(4))
async def test_questions_about_log_and_ledger_have_the_same_answers(both: Both, seed: int) -> None:
    rows = Rows(seed)
    await fill(both, rows)
    for number in range(20):
        patch = Patch(
            feedback=rows.chance.choice([1, -1, None, msgspec.UNSET]),  # type: ignore[arg-type]
            score_millionths=rows.chance.choice([None, 500_000, -1]),
            metadata=rows.chance.choice([None, rows.metadata()]),
        )
        said = {"request_id": f"r{number}", "recorded_at": rows.at(), "at": rows.at(), "by": rows.name()}
        await both("logged.remark", patch, **said)
    await both("logged.remarks", [f"r{number}" for number in range(25)])
    await both("records.record", "r3")
    for _ in range(25):
        where, limit = rows.where(ENTRY_FIELDS), rows.chance.randrange(1, 30)
        page = await both("records.entries", where, limit=limit, cursor=None)
        if page.next is not None:
            await both("records.entries", where, limit=limit, cursor=page.next)
        by = tuple(rows.field(GROUP_FIELDS) for _ in range(rows.chance.randrange(4)))
        await both("records.spend", where, by)
        where = rows.where(RECORD_FIELDS)
        if rows.chance.random() < 0.3:
            where = msgspec.structs.replace(where, least={"score": 0}, most={"duration_ms": 3_000})
        page = await both("records.records", where, limit=limit, cursor=None)
        if page.next is not None:
            await both("records.records", where, limit=limit, cursor=page.next)
        await both("logged.pick", where, limit=limit, cursor=None)
        only = rows.maybe()
        await both("logged.tail", where, after="r1", limit=limit, only=only)
        await both("records.records", where, limit=1, cursor=f"{FULL}.{FULL}")
    assert both.asked > 150


@pytest.mark.parametrize("seed", range(4))
async def test_questions_of_analytics_have_the_same_answers(both: Both, seed: int) -> None:
    rows = Rows(seed + 10)
    await fill(both, rows)
    for rolled in range(3):
        for _ in range(20):
            question = rows.question()
            await both("analytics.ask", question)
        await both("analytics.rolled")
        await both("analytics.ever")
        await both("analytics.users")
        for user in (None, *rows.names[:3]):
            span: Any = {"since": NOW - 2 * DAY, "until": NOW + 20 * DAY, "user": user}
            await both("analytics.sittings", **span)
            await both("analytics.stops", **span)
            await both("analytics.stops", **span, gateway=rows.names[0])
        await both("analytics.last_charged", rows.names)
        for among in (None, rows.names[:2]):
            dear: Any = {"since": NOW, "until": NOW + 50 * DAY, "among": among, "listed": 5}
            await both("analytics.outstanding", **dear)
        while await both("analytics.roll"):
            if rolled == 0:
                break
    gone: Any = {"before": NOW + 9 * DAY, "rows": 20}
    await both("analytics.retain", **gone)
    await both("records.records", Filter(), limit=200, cursor=None)


@pytest.mark.parametrize("seed", range(2))
async def test_sittings_that_stand_out_are_the_same(both: Both, seed: int) -> None:
    rows = Rows(seed + 20)
    for number in range(250):
        amount = 400 + number if number % 60 == 59 else rows.chance.choice([rows.chance.randrange(5, 20), 9, 30])
        at = NOW + (number // 5 * DAY + rows.chance.randrange(24) * HOUR)
        made = spending(f"s{number}", amount, at=at, user=rows.chance.choice(rows.names[:3]))
        for store in (both.file, both.server):
            assert store.ledger.settle(made)
    for store in (both.file, both.server):
        await store.ledger.flush()
        while await store.analytics.roll():
            pass
    for since, among in ((31, None), (40, rows.names[:1]), (0, None)):
        span: Any = {"since": NOW + since * DAY, "until": NOW + 45 * DAY, "among": among, "listed": 20}
        found = await both("analytics.outstanding", **span)
        assert found.number > 0 or among is not None


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
async def test_statements_are_the_same_and_so_is_what_is_frozen(both: Both, zone: str) -> None:
    rows, where = Rows(len(zone)), ZoneInfo(zone)
    entries = rows.entries()
    await fill(both, rows)
    why = msgspec.json.encode(Why(word="Outage: “agreed”", by=rows.name()))
    booked = [each.id for each in entries if each.kind == "credit"]
    for identity in booked[::2]:
        await both("cabinet.put", kept(identity, why, drawer=ADJUSTMENTS))
    months = [month_of(NOW + days * DAY, where) for days in (0, 31)]
    dimensions = ["team", "user", "key", "gateway", "service", *(f"metadata.{key}" for key in rows.keys)]
    for late in (False, True):
        for month in months:
            for by in dimensions[:5]:
                await both("billing.billed", month, by, where)
        for by in ("team", "user"):
            said: Any = {"at": NOW, "frozen_by": rows.name(), "word": rows.name()}
            month = months[0]
            await both("billing.freeze", month, by, where, **said)
        await both("billing.freezes")
        await both("billing.freezes", "user")
        if not late:
            for number in range(5):
                made = spending(
                    f"late{number}", 7, "credit", NOW + DAY * number, user=rows.name(), metadata={"team": "x"}
                )
                made = msgspec.structs.replace(made, recorded_at=NOW + 32 * DAY)
                assert both.file.ledger.settle(made) and both.server.ledger.settle(made)
            await both.file.ledger.flush()
            await both.server.ledger.flush()


async def test_following_log_and_ledger_is_the_same(both: Both) -> None:
    rows = Rows(30)
    await fill(both, rows)
    for _ in range(20):
        after, through = rows.chance.randrange(40), rows.chance.randrange(30, 90)
        entries, records = rows.where(ENTRY_FIELDS).equals, rows.where(RECORD_FIELDS).equals
        bounds: Any = {"after": after, "through": through}
        most: Any = {"after": after, "until": through, "rows": rows.chance.randrange(1, 40), "size": 9_000}
        await both("following.entries", entries, **bounds)
        await both("following.records", records, **bounds)
        await both("following.measure", "entries", entries, **most)
        await both("following.quarters", **bounds)
        booked: Any = {"after": after, "since": rows.at(), "until": rows.chance.choice([None, rows.at()]), "limit": 9}
        await both("ledger.booked", **booked)
    for source in ("records", "entries"):
        await both("following.last", source)
        await both("following.first", source)


async def test_what_is_taken_out_of_the_log_is_the_same(both: Both) -> None:
    rows = Rows(31)
    await fill(both, rows)
    for store in (both.file, both.server):
        while await store.analytics.roll():
            pass
    picked = await both("logged.pick", Filter(), limit=30, cursor=None)
    assert await both("logged.erase", [*picked.rows, (7, "another")]) > 20
    await both("logged.oldest")
    await both("logged.forget", NOW + 9 * DAY)
    await both("following.first", "records")
    most: Any = {"after": 0, "until": 60, "rows": 99, "size": 10**9}
    await both("following.measure", "records", {}, **most)
    await both("records.records", Filter(), limit=200, cursor=None)


async def test_what_else_is_remembered_is_the_same(both: Both) -> None:
    rows = Rows(32)
    chance = rows.chance
    for number in range(30):
        line = change(
            chance.choice(["budget.changed", "budgets.listed", "budget"]), rows.name(), rows.at(), reason=rows.name()
        )
        await both("audit.append", line)
        raised = event(
            f"{chance.choice('eE')}{number}", rows.name(), rows.at(), budget=rows.maybe(), channels=("b", "B", "b", "a")
        )
        await both("outbox.raise_", raised)
        job = batch(rows.name(), ask_at=rows.at(), created_at=rows.at(), kind=chance.choice(["batch", "file"]))
        await both("jobs.remember", job)
        thing = kept(rows.name(), rows.name().encode(), rows.at(), chance.choice([None, rows.at()]))
        await both("cabinet.put", thing)
        before = chance.choice([None, rows.name().encode()])
        await both("cabinet.swap", thing, before)
        known = Known(budget=rows.name(), fingerprint=rows.name(), since=rows.at(), settled=chance.random() < 0.5)
        await both("budgets.remember", known)
        snooze = Snooze(target=rows.name(), until=rows.at(), by=rows.name())
        await both("outbox.snooze", snooze)
        document, by = chance.choice(["a: 1", "a: 2"]) + rows.name(), rows.name()
        await both("config.save", document, by=by, at=1)
    for _ in range(20):
        now, name, limit = rows.at(), rows.name(), chance.randrange(1, 9)
        asked: Any = {
            "target": chance.choice([None, name]),
            "action": chance.choice([None, "budget", "budget.changed"]),
        }
        asked |= {"limit": limit, "before": chance.choice([None, 9])}
        await both("audit.changes", **asked)
        await both("outbox.due", now, limit)
        of: Any = {"limit": limit, "before": chance.choice([None, "e5"]), "budget": chance.choice([None, name])}
        await both("outbox.events", **of)
        await both("outbox.deliveries", "e5")
        await both("outbox.snoozes", now)
        await both("jobs.open", now, limit)
        await both("jobs.recall", f"openai/{name}")
        await both("cabinet.all", "key", now)
        await both("cabinet.get", "key", name, now)
        await both("cabinet.take", "key", name, now - 20 * DAY)
        for due in await both("outbox.due", now, 1):
            arrived_at = chance.choice([None, now])
            await both("outbox.tried", msgspec.structs.replace(due, attempts=3, arrived_at=arrived_at, error=name))
    await both("audit.verify")
    await both("audit.hashes", {1, 3, 99})
    await both("budgets.known")
    await both("config.history", limit=99)
    await both("config.latest")
    await both("cabinet.sweep", NOW + 5 * DAY)
    await both("cabinet.all", "key", NOW)


async def test_what_postgresql_cannot_hold_is_kept_as_a_picture_and_found_by_what_it_was(both: Both) -> None:
    odd, pictured = "a\0b", "a␀b"
    who: dict[str, Any] = {"user": odd, "groups": (odd,), "metadata": {odd: odd}}
    for store, name in ((both.file, odd), (both.server, pictured)):
        assert store.ledger.settle(spending("r", 5, model=odd, **who))
        store.records.write(record("r", request_model=odd, **who))
        await store.records.flush()
        await store.ledger.flush()
        # The record itself is as it was.
        assert await store.records.record("r") == record("r", request_model=odd, **who)
        for field, value in (("user", odd), ("group", odd), (f"metadata.{odd}", odd), ("model", odd)):
            where = Filter(equals={field: value})
            (row,) = await store.records.spend(where, (field,))
            assert (row.group, row.spent) == ((name,), 5)
            assert len((await store.records.records(where, limit=9, cursor=None)).items) == 1
        for field in ("user", "group", f"metadata.{name}", "model"):
            # As it is shown.
            where = (Condition(field=field, values=(name,)),)
            columns: Any = {"spending": ("amount_nanodollars",)}
            for _ in range(2):
                answer = await store.analytics.ask(
                    Question(bounds=[NOW, NOW + HOUR], by=(field,), where=where, columns=columns)
                )
                assert {group: each.whole for group, each in answer.groups.items()} == {(name,): {"spending": [5]}}
                await store.analytics.roll()
        await store.audit.append(change("budget.changed", odd, by=odd))
        assert list(await store.audit.verify()) == []
        assert len(await store.audit.changes(target=odd, limit=9)) == 1


async def test_half_a_pair_of_surrogates_is_nobodys_name(both: Both) -> None:
    await fill(both, Rows(33))
    for store in (both.file, both.server):
        await store.analytics.roll()
    for field in ("user", "group", "metadata.team", "metadata.\ud800"):
        where = (Condition(field=field, values=("\ud800",)),)
        columns: Any = {"spending": ("amount_nanodollars",)}
        await both("analytics.ask", Question(bounds=[NOW, NOW + DAY], by=("user",), where=where, columns=columns))
        await both("records.spend", Filter(equals={field: "\ud800"}), ())
