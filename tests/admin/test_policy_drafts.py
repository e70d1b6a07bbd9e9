"""Drafts in the store: one for each policy, and dropped only where they are still the same."""

from typing import Any

from tollway.admin.policy_drafts import Drafts
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
