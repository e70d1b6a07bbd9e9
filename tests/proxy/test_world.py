import msgspec
import pytest
import world

from tollway.clock import Clock
from tollway.errors import SettingsInvalid
from tollway.gateway import AzureAuth, Secret
from tollway.proxy.upstream.client import HttpTransport
from tollway.proxy.world import NOBODY, World
from tollway.storage.memory import MemoryStore

ENTRA = {"type": "azure", "tenant": "t", "client_id": "c", "client_secret": "s"}


def outside() -> World:
    store = MemoryStore()
    return World(store.ledger, store.records, HttpTransport(), Clock(), {})


def settings(**auth: str) -> object:
    return world.snapshot(providers={"azure": {"resource": "r", "auth": {**ENTRA, **auth}}}, budgets=[])


async def test_an_address_is_parsed_once() -> None:
    outer, snapshot = outside(), world.snapshot()
    provider = snapshot.providers["openai"]
    assert outer.url(provider) is outer.url(provider)
    assert outer.url(provider).host == "api.openai.com"


async def test_a_signer_is_kept_because_it_keeps_a_token() -> None:
    outer = outside()
    auth = AzureAuth(tenant="t", client_id="c", client_secret=Secret("s"))
    assert outer.signer(auth) is outer.signer(auth)


async def test_new_settings_are_prepared_and_what_they_no_longer_need_is_let_go() -> None:
    outer = outside()
    first, second = settings(), settings(tenant="u")
    outer.prepare(first)  # type: ignore[arg-type]
    kept = dict(outer.signers)
    outer.prepare(second)  # type: ignore[arg-type]
    assert len(kept) == len(outer.signers) == 1 and kept.keys() != outer.signers.keys()
    outer.prepare(msgspec.structs.replace(second, providers={}))  # type: ignore[type-var]
    assert not outer.signers


async def test_what_cannot_be_signed_is_an_error_of_the_settings() -> None:
    with pytest.raises(SettingsInvalid, match="authority"):
        outside().prepare(settings(authority="http://login.example.com"))  # type: ignore[arg-type]


async def test_new_settings_are_shown_to_whoever_is_told_of_requests_before_they_are_in_force() -> None:
    seen: list[object] = []

    class Told:
        def prepare(self, snapshot: object) -> None:
            seen.append(snapshot)

    snapshot = world.snapshot()
    msgspec.structs.replace(outside(), telemetry=Told()).prepare(snapshot)
    assert seen == [snapshot]
    NOBODY.prepare(snapshot)
    NOBODY.heard(object(), (), snapshot)  # type: ignore[arg-type]
