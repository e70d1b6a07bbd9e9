"""Batches and files: remembered, found again, and asked about until they are settled."""

import msgspec

from tollway.ledger.job import Job, job_id
from tollway.storage.conformance.values import CONTEXT, NOW, Check
from tollway.storage.protocol import Store


def batch(name: str, **fields: object) -> Job:
    """A batch of two requests, not settled."""
    made = Job(
        id=job_id("openai", name),
        kind="batch",
        context=CONTEXT,
        listed=("openai", "gpt-5"),
        created_at=NOW,
        requests=2,
        bound=2**60,
        request_id="r",
        attempt=1,
        legs=(("a[user=x]", NOW), ("b", NOW)),
    )
    return msgspec.structs.replace(made, **fields)


async def a_job_is_recalled_as_it_was_remembered(store: Store) -> None:
    first = batch("b1", unbounded="a file by id", answers=2, results="file-1", ask_at=NOW)
    file = batch("f1", kind="file", endpoint="/chat/completions", price_id="p", batch="openai/b1")
    await store.jobs.remember(first)
    await store.jobs.remember(file)
    assert await store.jobs.recall("openai/b1") == first
    assert await store.jobs.recall("openai/f1") == file
    assert await store.jobs.recall("b1") is None
    assert await store.jobs.recall("anthropic/b1") is None


async def a_job_that_is_remembered_again_is_replaced(store: Store) -> None:
    await store.jobs.remember(batch("b1"))
    later = batch("b1", results="file-1", answers=1)
    await store.jobs.remember(later)
    assert await store.jobs.recall("openai/b1") == later
    assert list(await store.jobs.open(NOW, 10)) == [later]


async def what_is_settled_is_never_unsettled_by_an_older_copy(store: Store) -> None:
    settled = batch("b1", settled=True)
    await store.jobs.remember(settled)
    await store.jobs.remember(batch("b1"))
    assert await store.jobs.recall("openai/b1") == settled
    assert list(await store.jobs.open(NOW, 10)) == []


async def open_batches_come_when_they_may_be_asked_about_the_longest_overdue_first(store: Store) -> None:
    for name, ask_at in (("late", NOW - 1), ("never", 0), ("now", NOW + 1), ("early", NOW - 2)):
        await store.jobs.remember(batch(name, ask_at=ask_at))
    await store.jobs.remember(batch("done", settled=True))
    await store.jobs.remember(batch("file", kind="file"))
    assert [job.upstream_id for job in await store.jobs.open(NOW, 10)] == ["never", "early", "late"]
    assert [job.upstream_id for job in await store.jobs.open(NOW, 2)] == ["never", "early"]


CHECKS: tuple[Check, ...] = (
    a_job_is_recalled_as_it_was_remembered,
    a_job_that_is_remembered_again_is_replaced,
    what_is_settled_is_never_unsettled_by_an_older_copy,
    open_batches_come_when_they_may_be_asked_about_the_longest_overdue_first,
)
