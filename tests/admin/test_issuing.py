"""Making and ending keys where something goes wrong."""

import msgspec
import pytest
from tests.workers.test_keyring import START, Broken, World, wanted

from tollway.admin.issuing import DoneWithSecret, Issuing
from tollway.admin.key_asked import KeyChange
from tollway.admin.problem import Problem
from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.ledger.change import Change
from tollway.storage.memory import MemoryStore


class Runtime:
    """As much of one as issuing needs."""

    def __init__(self, world: World) -> None:
        self.keyring, self.clock, self.store = world.ring, Clock(lambda: START * 1_000_000), MemoryStore()
        self.snapshot = msgspec.structs.replace(SNAPSHOT, issued=world.issued)
        self.unaudited = False


def snapshot() -> object:
    from tests.exchange import world

    return world.snapshot()


SNAPSHOT = snapshot()


def issuing(world: World) -> Issuing:
    return Issuing(Runtime(world), "key")  # type: ignore[arg-type]


async def test_a_revocation_that_cannot_be_kept_says_that_it_holds_until_a_restart() -> None:
    cabinet = Broken()
    world = World(cabinet)
    made = await issuing(world).create(wanted("ci", START))
    cabinet.away = True
    for end in (issuing(world).revoke, issuing(world).delete):
        with pytest.raises(Problem) as told:
            await end("ci", by="ann")
        assert (told.value.status, told.value.code) == (503, "store_unavailable")
        assert "opens nothing now" in told.value.detail and not world.opens(made.secret)


async def test_a_change_that_cannot_be_kept_changes_nothing() -> None:
    cabinet = Broken()
    world = World(cabinet)
    made = await issuing(world).create(wanted("ci", START))
    cabinet.away = True
    with pytest.raises(StoreUnavailable):
        await issuing(world).change("ci", KeyChange.model_validate({"enabled": False}), by="ann")
    with pytest.raises(StoreUnavailable):
        await issuing(world).rotate("ci", 0, by="ann")
    assert world.opens(made.secret)


async def test_an_audit_log_that_cannot_be_written_is_a_warning_and_not_a_lost_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    runtime = Runtime(world)

    async def fails(*_: Change) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(runtime.store.audit, "append", fails)
    made = await Issuing(runtime, "key").create(wanted("ci", START))  # type: ignore[arg-type]
    assert made.warnings and world.opens(made.secret)


async def test_what_a_change_is_audited_with_has_neither_secret_nor_digest() -> None:
    world = World()
    runtime = Runtime(world)
    made = await Issuing(runtime, "key").create(wanted("ci", START))  # type: ignore[arg-type]
    (line,) = await runtime.store.audit.changes(limit=5)
    assert (line.change.action, line.change.by) == ("key.created", "ann")
    assert "digest" not in (line.change.after or "") and made.secret[16:59] not in (line.change.after or "")


def test_what_was_made_does_not_show_its_secret() -> None:
    assert "canary" not in repr(DoneWithSecret(wanted("ci", START), "canary", []))
