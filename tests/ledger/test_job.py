"""Jobs: whose they are."""

import msgspec
import pytest

from tollway.ledger.entry import Context
from tollway.ledger.job import Job, job_id

ALICE = Context(gateway="default", provider="openai", model="m", key="alice-laptop", user="alice", service=None)


def job(context: Context = ALICE) -> Job:
    return Job(
        id=job_id("openai", "batch/1"), kind="batch", context=context, listed=("openai", "m"), created_at=1,
        request_id="r", attempt=2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("caller", "may"),
    [
        ({"key": "alice-laptop", "user": "alice"}, True),
        ({"key": "alice-laptop"}, True),
        ({"key": "another", "user": "alice"}, True),
        ({"key": "another", "user": "bob"}, False),
        ({"key": "another"}, False),
        ({}, False),
        ({"key": "alice-laptop", "user": "alice", "gateway": "other"}, False),
    ],
)
def test_a_job_belongs_to_its_key_and_its_user_at_its_gateway(caller: dict[str, str], may: bool) -> None:
    asked: dict[str, str | None] = {"gateway": "default", "key": None, "user": None, "service": None, **caller}
    assert job().belongs_to(**asked) is may  # type: ignore[arg-type]


def test_a_job_belongs_to_its_service() -> None:
    made = job(msgspec.structs.replace(ALICE, key="k1", user=None, service="nightly"))
    assert made.belongs_to(gateway="default", key="k2", user=None, service="nightly")
    assert not made.belongs_to(gateway="default", key="k2", user="nightly", service=None)


def test_a_job_of_nobody_belongs_to_nobody() -> None:
    made = job(Context(gateway="default", provider="openai", model="m"))
    assert not made.belongs_to(gateway="default", key=None, user=None, service=None)


def test_a_job_knows_the_reservation_that_pays_for_it_and_the_providers_own_id() -> None:
    assert job().reservation_id == "r.2"
    assert job().upstream_id == "batch/1"
