"""Drafts in the store: one for each policy, and dropped only where they are still the same."""

from typing import Any

from tollway.admin.policy_drafts import Draft, Drafts, digest_of
from tollway.document.policy_edit import read_fields
from tollway.storage.memory import MemoryStore

POLICY = read_fields({"name": "a", "action": {"type": "block", "except": True}, "resource": {"model": ["x", "y"]}})


class _Clock:
    def now(self) -> int:
        return 1_790_000_000_000


class _Runtime:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = _Clock()


async def test_a_draft_is_kept_as_it_was_written_and_replaced_by_a_later_one() -> None:
    runtime: Any = _Runtime()
    drafts = Drafts(runtime)
    first = await drafts.put("a", POLICY, "ann")
    assert await drafts.all() == [first] and await drafts.get("a") == first
    assert first.policy == POLICY and first.by == "ann"
    second = await drafts.put("a", read_fields({"name": "a", "action": {"type": "no-limit"}}), "bob")
    assert await drafts.all() == [second]
    await drafts.drop("a", first)
    assert await drafts.get("a") == second
    await drafts.drop("a", second)
    assert await drafts.get("a") is None and await drafts.all() == []
    await drafts.drop("a")


def test_a_draft_is_outdated_once_what_it_was_made_from_has_changed() -> None:
    other = read_fields({"name": "a", "action": {"type": "block"}})
    for begun, now, outdated in (
        (None, None, False),
        (None, POLICY, True),
        (POLICY, POLICY, False),
        (POLICY, other, True),
    ):
        assert Draft("a", other, "ann", 1, digest_of(begun)).is_outdated(now) is outdated
    assert not Draft("a", other, "ann", 1).is_outdated(POLICY)
