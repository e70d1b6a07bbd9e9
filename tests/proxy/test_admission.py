"""What is remembered of who was let in and who was not."""

from typing import Any

import msgspec
import pytest
import world

from tollway.clock import Clock
from tollway.exchange.refusal import Refusal
from tollway.identity.attempts import MOST_BAD, Attempts
from tollway.identity.identity import ANONYMOUS, Identity
from tollway.proxy.admission import authenticated, noted
from tollway.proxy.world import World
from tollway.storage.memory import MemoryLedger

UNKNOWN = Refusal(code="credential_unknown", message="not known")


def test_the_use_of_a_key_is_noted_by_its_name() -> None:
    snapshot, attempts = world.snapshot(), Attempts()
    identity = Identity(kind="user", user="a", key="alice")
    assert noted(identity, world.request(), snapshot, attempts) is identity
    assert noted(ANONYMOUS, world.request(), snapshot, attempts) is ANONYMOUS
    assert snapshot.issued.uses == {"alice": world.NOW} and len(attempts) == 0


def test_after_ten_guesses_the_next_is_told_to_wait_and_a_good_one_opens() -> None:
    snapshot, attempts = world.snapshot(), Attempts()
    request = world.request(peer="192.0.2.1")
    for _ in range(MOST_BAD):
        assert noted(UNKNOWN, request, snapshot, attempts) is UNKNOWN
    limited = noted(UNKNOWN, request, snapshot, attempts)
    assert isinstance(limited, Refusal)
    assert (limited.code, limited.status, limited.retry_after_s) == ("credential_limited", 429, 60)
    good = Identity(kind="user", key="alice")
    assert noted(good, request, snapshot, attempts) is good
    elsewhere = msgspec.structs.replace(request, peer="192.0.2.2")
    assert noted(UNKNOWN, elsewhere, snapshot, attempts) is UNKNOWN


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(code="credential_missing", message=""),
        Refusal(code="credential_expired", message="", rule="ci"),
        Refusal(code="credential_unknown", message="switched off", rule="ci"),
        Refusal(code="address_not_allowed", message="", rule="ci"),
        Refusal(code="gateway_unknown", message=""),
    ],
)
def test_what_is_no_guess_is_not_counted(refusal: Any) -> None:
    attempts = Attempts()
    for _ in range(MOST_BAD + 5):
        assert noted(refusal, world.request(), world.snapshot(), attempts) is refusal
    assert len(attempts) == 0


async def test_who_is_asking_is_known_by_key_and_its_use_is_noted() -> None:
    snapshot = world.snapshot()
    parts: Any = (MemoryLedger(), None, None, Clock(lambda: world.NOW * 1_000_000), {})
    outside = World(*parts)
    found = await authenticated(world.request(), snapshot, outside)
    assert isinstance(found, Identity) and found.user == "alice@example.com"
    assert snapshot.issued.uses == {"alice": world.NOW}
    for _ in range(MOST_BAD + 1):
        refused = await authenticated(world.request(secret="a-wrong-one", peer="192.0.2.1"), snapshot, outside)
    assert isinstance(refused, Refusal) and refused.code == "credential_limited"
