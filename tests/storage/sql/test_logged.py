import pytest

from tollway.logs.remark import Patch
from tollway.storage.conformance.records import record, spending
from tollway.storage.conformance.values import NOW
from tollway.storage.protocol import Filter
from tollway.storage.sql import logged as module
from tollway.storage.sql.store import SqlStore
from tollway.workers.rollups import roll_all


async def write(store: SqlStore, *names: str, **fields: object) -> None:
    for number, name in enumerate(names):
        store.records.write(record(name, NOW + number, **fields))
    await store.records.flush()


async def remark(store: SqlStore, name: str, **said: object) -> None:
    await store.logged.remark(Patch(**said), request_id=name, recorded_at=NOW, at=NOW + 9, by="ada")  # type: ignore[arg-type]


async def ids(store: SqlStore, **where: object) -> list[str]:
    page = await store.records.records(Filter(**where), limit=50, cursor=None)  # type: ignore[arg-type]
    return [item.request_id for item in page.items]  # type: ignore[union-attr]


async def test_a_remark_is_kept_changed_and_taken_away(store: SqlStore) -> None:
    before, after = await store.logged.remark(
        Patch(feedback=1, metadata={"topic": "tax"}), request_id="r", recorded_at=NOW, at=NOW + 1, by="ada"
    )
    assert before is None and after.feedback == 1
    before, after = await store.logged.remark(
        Patch(score_millionths=250_000), request_id="r", recorded_at=NOW, at=NOW + 2, by="bob"
    )
    assert before is not None and (before.feedback, before.score_millionths, before.by) == (1, None, "ada")
    assert await store.logged.remarks(["r", "s"]) == {"r": after}
    assert (after.feedback, after.score_millionths, after.metadata, after.by) == (1, 250_000, {"topic": "tax"}, "bob")
    await remark(store, "r", feedback=None, score_millionths=None, metadata=None)
    assert await store.logged.remarks(["r"]) == {}
    assert await store.logged.remarks([]) == {}


async def test_requests_are_found_by_what_was_said_of_them(store: SqlStore) -> None:
    await write(store, "a", "b", "c", "d", metadata={"team": "ml"})
    await remark(store, "a", feedback=1, score_millionths=500_000)
    await remark(store, "b", feedback=-1, score_millionths=-1, metadata={"topic": "tax"})
    await remark(store, "c", score_millionths=900_000)
    assert await ids(store, equals={"feedback": "1"}) == ["a"]
    assert await ids(store, equals={"feedback": "-1"}) == ["b"]
    assert await ids(store, least={"score": 500_000}) == ["c", "a"]
    assert await ids(store, most={"score": 500_000}) == ["b", "a"]
    assert await ids(store, least={"score": 0}, most={"score": 600_000}) == ["a"]
    assert await ids(store, equals={"metadata.topic": "tax"}) == ["b"]
    assert await ids(store, equals={"metadata.topic": "ml"}) == []
    assert await ids(store, equals={"metadata.team": "ml", "feedback": "1"}) == ["a"]
    assert await ids(store, equals={"feedback": ""}) == ["d", "c"]
    assert await ids(store, equals={"metadata.topic": ""}) == ["d", "c", "a"]
    assert await ids(store, equals={"metadata.team": ""}) == []
    # With what the whole record tells besides.
    assert await ids(store, least={"score": 0, "duration_ms": 1}, equals={"api": "openai.chat"}) == ["c", "a"]
    assert await ids(store, least={"score": 0, "duration_ms": 2}) == []


async def test_what_was_logged_since_comes_oldest_first_whenever_it_arrived(store: SqlStore) -> None:
    await write(store, "a", "b")
    store.records.write(record("long", NOW - 60_000))
    await write(store, "c", gateway="apps")
    tail = await store.logged.tail(Filter(), after="a", limit=2)
    assert tail is not None and [item.request_id for item in tail.items] == ["b", "long"] and tail.after == "long"
    tail = await store.logged.tail(Filter(), after="long", limit=2)
    assert tail is not None and [item.request_id for item in tail.items] == ["c"] and tail.after == "c"
    assert await store.logged.tail(Filter(), after="c", limit=2) == module.Tail([], None)
    assert await store.logged.tail(Filter(), after="unknown", limit=2) is None


async def test_a_tail_of_ones_own_requests_tells_nothing_of_others(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOKED_AT", 3)
    await write(store, "a", user="ann")
    await write(store, *"bcdef", user="bob")

    async def tail(after: str, text: str | None = None) -> module.Tail | None:
        where = Filter(equals={"user": "ann"}, text=text)
        return await store.logged.tail(where, after=after, limit=5, only="ann")

    assert await tail("b") is await tail("unknown") is None
    assert await tail("a") == module.Tail([], None)
    await write(store, "g", user="ann")
    await write(store, "h", user="bob")
    # However many of others lie between.
    found = await tail("a")
    assert found is not None and [item.request_id for item in found.items] == ["g"] and found.after == "g"
    # What is their own and not meant is passed all the same.
    found = await tail("a", "nowhere")
    assert found == module.Tail([], "g")


@pytest.mark.parametrize("where", [Filter(equals={"gateway": "apps"}), Filter(text="apps")])
async def test_a_tail_goes_past_what_is_not_meant(
    store: SqlStore, where: Filter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOKED_AT", 3)
    await write(store, *"abcdef")
    await write(store, "g", gateway="apps")
    after, seen = "a", list[str]()
    for _ in range(4):
        tail = await store.logged.tail(where, after=after, limit=5)
        assert tail is not None
        seen += [item.request_id for item in tail.items]
        after = tail.after or after
    assert (seen, after) == (["g"], "g")


async def test_requests_are_picked_and_taken_out_and_the_ledger_stays(store: SqlStore) -> None:
    for name in "abcd":
        store.ledger.settle(spending(name, 5))
    await store.ledger.flush()
    await write(store, *"abcd", metadata={"team": "ml"})
    await write(store, "other")
    await remark(store, "a", feedback=1)
    await roll_all(store.analytics, pause_s=0)
    picked = await store.logged.pick(Filter(equals={"metadata.team": "ml"}), limit=3, cursor=None)
    assert [name for _, name in picked.rows] == ["d", "c", "b"] and picked.next is not None
    assert await store.logged.erase(picked.rows) == 3
    last = await store.logged.pick(Filter(equals={"metadata.team": "ml"}), limit=3, cursor=picked.next)
    assert ([name for _, name in last.rows], last.next) == (["a"], None)
    assert await store.logged.erase(last.rows) == 1
    assert await ids(store) == ["other"]
    assert await store.logged.remarks(["a"]) == {}
    assert len((await store.records.entries(Filter(), limit=9, cursor=None)).items) == 4
    assert await store.logged.erase(last.rows) == 0 and await store.logged.erase([]) == 0


@pytest.mark.parametrize("also", [{}, {"api": "openai.chat"}])
async def test_what_has_none_is_followed_and_taken_out(store: SqlStore, also: dict[str, str]) -> None:
    await write(store, "a", "b", user="ann")
    await write(store, "c", "d")
    await write(store, "e", user="ann")
    await roll_all(store.analytics, pause_s=0)
    where = Filter(equals={"user": "", **also})
    tail = await store.logged.tail(where, after="a", limit=9)
    assert tail is not None and [item.request_id for item in tail.items] == ["c", "d"] and tail.after == "e"
    picked = await store.logged.pick(where, limit=9, cursor=None)
    assert await store.logged.erase(picked.rows) == 2
    assert sorted(await ids(store)) == ["a", "b", "e"]


async def test_a_search_is_picked_page_by_page_too(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOKED_AT", 2)
    for number in range(7):
        store.records.write(record(f"r{number}", NOW + number, user_agent="curl" if number % 3 == 0 else "other"))
    await store.records.flush()
    found: list[str] = []
    cursor = None
    for _ in range(7):
        page = await store.logged.pick(Filter(equals={"user_agent": "curl"}), limit=1, cursor=cursor)
        found += [name for _, name in page.rows]
        cursor = page.next
        if cursor is None:
            break
    assert (found, cursor) == (["r6", "r3", "r0"], None)


async def test_neither_the_newest_nor_what_rollups_lack_is_taken_out(store: SqlStore) -> None:
    await write(store, "a", "b")
    picked = await store.logged.pick(Filter(), limit=9, cursor=None)
    assert await store.logged.erase(picked.rows) == 0
    await roll_all(store.analytics, pause_s=0)
    assert await store.logged.erase(picked.rows) == 1
    assert await ids(store) == ["b"]


async def test_remarks_on_what_is_gone_are_forgotten(store: SqlStore) -> None:
    assert await store.logged.oldest() is None
    await write(store, "a", "b")
    assert await store.logged.oldest() == NOW
    for name, at in (("old", NOW - 1), ("a", NOW)):
        await store.logged.remark(Patch(feedback=1), request_id=name, recorded_at=at, at=NOW, by="ada")
    assert await store.logged.forget(NOW) == 1 and await store.logged.forget(NOW) == 0
    assert set(await store.logged.remarks(["old", "a"])) == {"a"}


async def test_an_unknown_field_is_an_error_naming_it(store: SqlStore) -> None:
    for asking in (
        store.logged.tail(Filter(equals={"colour": "x"}), after="a", limit=1),
        store.logged.pick(Filter(least={"colour": 1}), limit=1, cursor=None),
    ):
        with pytest.raises(ValueError, match="colour"):
            await asking
