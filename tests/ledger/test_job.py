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
        # A name alone proves nothing: the key may be another's by now.
        ({"key": "alice-laptop"}, False),
        ({"key": "alice-laptop", "user": "mallory"}, False),
        ({"key": "alice-laptop", "service": "alice"}, False),
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


@pytest.mark.parametrize(("user", "may"), [(None, True), ("mallory", False), ("alice@example.com", False)])
def test_a_job_of_a_key_that_was_nobodys_stays_with_the_key_while_it_is_nobodys(user: str | None, may: bool) -> None:
    made = job(Context(gateway="default", provider="openai", model="m", key="nightly"))
    assert made.belongs_to(gateway="default", key="nightly", user=user, service=None) is may
    assert not made.belongs_to(gateway="default", key="another", user=user, service=None)


def test_a_job_that_was_made_before_addresses_were_lowered_is_still_its_owners() -> None:
    made = job(msgspec.structs.replace(ALICE, user="Alice@Example.com"))
    assert made.belongs_to(gateway="default", key="another", user="alice@example.com", service=None)
    assert not made.belongs_to(gateway="default", key="another", user="bob@example.com", service=None)
