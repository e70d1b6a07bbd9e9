"""The log, the reports and the settings."""

import asyncio

import msgspec

from tollway.ledger.entry import Context, Kind, LedgerEntry
from tollway.logs.record import Decision, Durations, LogRecord
from tollway.storage.conformance.values import NOW, Check, entry, hold, opening, reservation
from tollway.storage.protocol import Filter, Page, SpendRow, Store
from tollway.usage import Usage

HOUR = 3_600_000


def record(request_id: str, at: int = NOW, **fields: object) -> LogRecord:
    """One request of the log."""
    made = LogRecord(
        request_id=request_id,
        at=at,
        gateway="default",
        method="POST",
        path="/v1/chat/completions",
        api="openai.chat",
        status=200,
        decisions=(Decision(step="reserve", outcome="allow"),),
        durations=Durations(total_us=1_000, upstream_us=900),
    )
    return msgspec.structs.replace(made, **fields)


def spending(request_id: str, amount: int, kind: Kind = "charge", at: int = NOW, **context: object) -> LedgerEntry:
    """An entry without a reservation, by the caller that `context` tells."""
    settled = entry(reservation(request_id, hold()), amount, kind)
    by = msgspec.structs.replace(Context(gateway="default", provider="openai", model="gpt-5"), **context)
    return msgspec.structs.replace(settled, context=by, occurred_at=at)


async def a_record_is_read_back_as_it_was_written(store: Store) -> None:
    written = record("r", user="alice", groups=("ml",), metadata={"a.b": "c"}, holds=(hold(),), code="budget_exceeded")
    store.records.write(written)
    store.records.write(record("s"))
    await store.records.flush()
    assert await store.records.record("r") == written
    assert await store.records.record("unknown") is None


async def records_come_newest_first_page_by_page(store: Store) -> None:
    for number in range(7):
        store.records.write(record(f"r{number}", NOW + number // 2))
    await store.records.flush()
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(4):
        page = await store.records.records(Filter(), limit=2, cursor=cursor)
        seen += [item.request_id for item in page.items]
        cursor = page.next
    assert seen == ["r6", "r5", "r4", "r3", "r2", "r1", "r0"], seen
    assert cursor is None


async def records_are_filtered_by_every_field(store: Store) -> None:
    wanted = record(
        "r",
        NOW + 5,
        gateway="g",
        provider="openai",
        request_model="gpt-5",
        user="alice",
        key="laptop",
        service="batch",
        status=429,
        code="budget_exceeded",
        groups=("eng", "ml"),
        metadata={"team": "ml", '"odd.$[0] key': "x"},
    )
    store.records.write(wanted)
    store.records.write(record("other", NOW + 5, groups=("eng-ml",), metadata={"team": "sales"}))
    await store.records.flush()
    for name, value in {
        "gateway": "g",
        "provider": "openai",
        "model": "gpt-5",
        "user": "alice",
        "key": "laptop",
        "service": "batch",
        "status": "429",
        "code": "budget_exceeded",
        "request_id": "r",
        "group": "ml",
        "metadata.team": "ml",
        'metadata."odd.$[0] key': "x",
    }.items():
        page = await store.records.records(Filter(equals={name: value}), limit=9, cursor=None)
        assert list(page.items) == [wanted], name
        page = await store.records.records(Filter(equals={name: value + "'"}), limit=9, cursor=None)
        assert not page.items, name
    assert _ids(await store.records.records(Filter(since=NOW + 6), limit=9, cursor=None)) == []
    assert _ids(await store.records.records(Filter(until=NOW + 5), limit=9, cursor=None)) == []
    assert len(_ids(await store.records.records(Filter(since=NOW + 5, until=NOW + 6), limit=9, cursor=None))) == 2


async def an_empty_value_finds_what_has_none(store: Store) -> None:
    nobody = record("nobody", NOW, provider=None, request_model=None, api="")
    somebody = record(
        "somebody",
        NOW + 1,
        provider="openai",
        request_model="gpt-5",
        response_model="gpt-5",
        user="alice",
        key="laptop",
        service="batch",
        code="budget_exceeded",
        user_agent="curl/8",
        groups=("eng",),
        metadata={"team": "ml"},
    )
    for each in (nobody, somebody):
        store.records.write(each)
    await store.records.flush()
    for name in (
        "provider",
        "model",
        "user",
        "key",
        "service",
        "code",
        "group",
        "metadata.team",
        "api",
        "response_model",
    ):
        asked = Filter(equals={name: ""})
        assert _ids(await store.records.records(asked, limit=9, cursor=None)) == ["nobody"], name
    assert _ids(await store.records.records(Filter(equals={"user": "", "key": "laptop"}), limit=9, cursor=None)) == []
    store.ledger.settle(spending("r1", 5, user="alice", groups=("eng",), metadata={"team": "ml"}))
    store.ledger.settle(spending("r2", 7))
    await store.ledger.flush()
    for name in ("user", "key", "group", "metadata.team"):
        (row,) = await store.records.spend(Filter(equals={name: "", "kind": "charge"}), ["model"])
        assert row.spent == (12 if name == "key" else 7), name
    assert _ids(await store.records.entries(Filter(equals={"user": ""}), limit=9, cursor=None)) == ["r2"]


async def records_are_found_by_what_is_in_them(store: Store) -> None:
    charge = spending("r", 70).charge
    wanted = record(
        "r1",
        NOW + 5,
        response_model="gpt-5-2025",
        user_agent="curl/8",
        streamed=True,
        cached=True,
        charge=charge,
        usage=Usage(input_tokens=11),
        metadata={"team": "Ärzte"},
        durations=Durations(total_us=7_500_000),
        decisions=(Decision(step="policy", outcome="deny", rule="no-frontier", detail="Not before noon"),),
    )
    store.records.write(wanted)
    store.records.write(record("r2", NOW + 5, method="GET", path="/v1/models", api="", metadata={"ärzte": "team"}))
    await store.records.flush()
    for where in (
        *(
            Filter(equals={name: value})
            for name, value in {
                "api": "openai.chat",
                "method": "POST",
                "path": "/v1/chat/completions",
                "response_model": "gpt-5-2025",
                "user_agent": "curl/8",
                "streamed": "true",
                "cached": "true",
            }.items()
        ),
        *(Filter(text=text) for text in ("TEAM=ÄRZTE", "r1", "before noon", "no-front", "2025", "completions")),
        Filter(least={"cost": 70}),
        Filter(most={"cost": 70}, since=NOW + 5),
        Filter(least={"duration_ms": 7_500}, most={"duration_ms": 7_500, "input_tokens": 11}),
        Filter(text="r", equals={"metadata.team": "Ärzte"}),
    ):
        assert _ids(await store.records.records(where, limit=9, cursor=None)) == ["r1"], where
    for where in (
        Filter(text="nowhere"),
        Filter(least={"cost": 71}),
        Filter(most={"output_tokens": 10**9}),
        Filter(equals={"streamed": "true", "method": "GET"}),
    ):
        assert not _ids(await store.records.records(where, limit=9, cursor=None)), where


async def a_search_goes_on_page_by_page(store: Store) -> None:
    for number in range(20):
        store.records.write(record(f"r{number}", NOW + number, user_agent="curl" if number % 3 else "other"))
    await store.records.flush()
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(9):
        page = await store.records.records(Filter(text="CURL"), limit=5, cursor=cursor)
        seen += _ids(page)
        cursor = page.next
        if cursor is None:
            break
    assert cursor is None
    assert seen == [f"r{number}" for number in range(19, -1, -1) if number % 3], seen


async def entries_are_found_by_request_kind_and_time(store: Store) -> None:
    for number, kind in enumerate(("charge", "unpriced", "credit")):
        store.ledger.settle(spending(f"r{number}", number, kind, NOW + number))  # type: ignore[arg-type]
    await store.ledger.flush()
    assert _ids(await store.records.entries(Filter(), limit=2, cursor=None)) == ["r2", "r1"]
    second = await store.records.entries(Filter(), limit=2, cursor=f"{NOW + 1}.2")
    assert (_ids(second), second.next) == (["r0"], None)
    for where in (
        Filter(equals={"kind": "unpriced"}),
        Filter(equals={"request_id": "r1"}),
        Filter(since=NOW + 1, until=NOW + 2),
    ):
        assert _ids(await store.records.entries(where, limit=9, cursor=None)) == ["r1"], where


async def spend_is_summed_by_the_fields_asked_for(store: Store) -> None:
    for made in (
        spending("r1", 5, user="alice", groups=("ml", "eng"), metadata={"team": "a"}),
        spending("r2", 7, user="bob", groups=("eng",), at=NOW + HOUR),
        spending("r3", 0, "unpriced", user="bob", at=NOW + 24 * HOUR),
        spending("r4", -2, "correction", user="alice", metadata={"team": "a"}),
    ):
        store.ledger.settle(made)
    await store.ledger.flush()
    assert await _spend(store, "user") == [(("bob",), 7, 2, 1), (("alice",), 3, 2, 0)]
    assert await _spend(store) == [((), 10, 4, 1)]
    assert await _spend(store, "group") == [(("eng",), 12, 2, 0), (("ml",), 5, 1, 0), ((None,), -2, 2, 1)]
    assert await _spend(store, "metadata.team") == [((None,), 7, 2, 1), (("a",), 3, 2, 0)]
    assert await _spend(store, "day", "user") == [
        (("2026-07-01", "bob"), 7, 1, 0),
        (("2026-07-01", "alice"), 3, 2, 0),
        (("2026-07-02", "bob"), 0, 1, 1),
    ]
    assert (await _spend(store, "hour"))[0] == (("2026-07-01T01:00Z",), 7, 1, 0)
    (row,) = await store.records.spend(Filter(equals={"user": "bob", "kind": "charge"}), [])
    assert row == SpendRow(group=(), spent=7, entries=1, unpriced=0, input_tokens=11, output_tokens=5)
    assert await store.records.spend(Filter(until=NOW), []) == []


async def what_is_empty_is_none_wherever_it_is_summed(store: Store) -> None:
    store.ledger.settle(spending("r1", 5, user="", key="", service="", groups=("",), metadata={"team": ""}))
    store.ledger.settle(spending("r2", 7, groups=("eng",)))
    await store.ledger.flush()
    for name in ("user", "key", "service", "metadata.team"):
        assert await _spend(store, name) == [((None,), 12, 2, 0)], name
    assert await _spend(store, "group", "user") == [(("eng", None), 7, 1, 0), ((None, None), 5, 1, 0)]


async def tokens_that_were_counted_here_are_told_apart_and_unknown_ones_are_no_zero(store: Store) -> None:
    told, cut = spending("told", 5, user="ann"), spending("cut", 7, user="ann")
    lost, free = spending("lost", 9, "presumed", user="bob"), spending("free", 0, user="bob")
    store.ledger.settle(told)
    store.ledger.settle(msgspec.structs.replace(cut, charge=msgspec.structs.replace(cut.charge, basis="counted")))
    for silent in (
        lost,
        free,
        spending("price", 0, "unpriced", user="bob"),
        spending("late", 9, "presumed", user="eve"),
    ):
        store.ledger.settle(msgspec.structs.replace(silent, usage=None))
    await store.ledger.flush()
    bob = SpendRow(group=("bob",), spent=9, entries=3, unpriced=1, input_tokens=None, output_tokens=None, untold=2)
    rows = {row.group[0]: row for row in await store.records.spend(Filter(), ["user"])}
    assert rows["bob"] == bob, rows
    assert rows["ann"] == SpendRow(
        group=("ann",),
        spent=12,
        entries=2,
        unpriced=0,
        input_tokens=22,
        output_tokens=10,
        counted_input_tokens=11,
        counted_output_tokens=5,
    ), rows
    assert rows["eve"].untold == 1, rows
    # What a late settlement tells is known from then on.
    store.ledger.settle(spending("late", -2, "correction", user="eve"))
    await store.ledger.flush()
    (eve,) = await store.records.spend(Filter(equals={"user": "eve"}), [])
    assert (eve.untold, eve.input_tokens) == (0, 11), eve


async def openings_are_listed_and_in_no_sum_of_spend(store: Store) -> None:
    store.ledger.settle(spending("r1", 5, user="alice"))
    assert await store.ledger.move(opening("o1", 40))
    assert await store.ledger.move(opening("o2", -3))
    assert await _spend(store, "user") == [(("alice",), 5, 1, 0)]
    assert await _spend(store) == [((), 5, 1, 0)]
    assert await _spend(store, "kind") == [(("charge",), 5, 1, 0)]
    assert list(await store.records.spend(Filter(equals={"kind": "opening"}), [])) == []
    listed = await store.records.entries(Filter(), limit=9, cursor=None)
    assert sorted(_ids(listed)) == ["o1", "o2", "r1"]
    asked = await store.records.entries(Filter(equals={"kind": "opening"}), limit=9, cursor=None)
    assert sorted(_ids(asked)) == ["o1", "o2"]


async def what_a_correction_has_priced_since_is_no_longer_unpriced(store: Store) -> None:
    for made in (spending("r1", 0, "unpriced", user="bob"), spending("r2", 0, "unpriced", user="bob")):
        store.ledger.settle(made)
    store.ledger.settle(spending("r1", 9, "correction", user="bob"))
    await store.ledger.flush()
    assert await _spend(store, "user") == [(("bob",), 9, 3, 1)]


async def an_unknown_field_or_cursor_is_an_error_naming_it(store: Store) -> None:
    for asking in (
        store.records.records(Filter(equals={"colour": "x"}), limit=1, cursor=None),
        store.records.entries(Filter(equals={"colour": "x"}), limit=1, cursor=None),
        store.records.spend(Filter(equals={"colour": "x"}), []),
        store.records.spend(Filter(), ["colour"]),
        store.records.records(Filter(), limit=1, cursor="colour"),
        store.records.records(Filter(least={"colour": 1}), limit=1, cursor=None),
    ):
        try:
            await asking
        except ValueError as error:
            assert "colour" in str(error), error
        else:
            raise AssertionError("an unknown name was taken")


async def settings_keep_their_history(store: Store) -> None:
    assert await store.config.latest() is None
    first = await store.config.save("a: 1", by="alice", at=NOW)
    again = await store.config.save("a: 1", by="bob", at=NOW + 1)
    second = await store.config.save("a: 2", by="bob", at=NOW + 2)
    assert (first.number, again, second.number) == (1, first, 2)
    assert await store.config.latest() == second
    assert list(await store.config.history(limit=5)) == [second, first]
    assert list(await store.config.history(limit=1)) == [second]
    both = await asyncio.gather(*(store.config.save(f"a: {n}", by="x", at=NOW) for n in (3, 4)))
    assert {revision.number for revision in both} == {3, 4}


def _ids(page: Page) -> list[str]:
    return [item.request_id for item in page.items]


async def _spend(store: Store, *group_by: str) -> list[tuple[tuple[str | None, ...], int, int, int]]:
    rows = await store.records.spend(Filter(), group_by)
    return [(row.group, row.spent, row.entries, row.unpriced) for row in rows]


CHECKS: tuple[Check, ...] = (
    a_record_is_read_back_as_it_was_written,
    records_come_newest_first_page_by_page,
    records_are_filtered_by_every_field,
    an_empty_value_finds_what_has_none,
    records_are_found_by_what_is_in_them,
    a_search_goes_on_page_by_page,
    entries_are_found_by_request_kind_and_time,
    spend_is_summed_by_the_fields_asked_for,
    what_is_empty_is_none_wherever_it_is_summed,
    tokens_that_were_counted_here_are_told_apart_and_unknown_ones_are_no_zero,
    openings_are_listed_and_in_no_sum_of_spend,
    what_a_correction_has_priced_since_is_no_longer_unpriced,
    an_unknown_field_or_cursor_is_an_error_naming_it,
    settings_keep_their_history,
)
