"""Access tokens of service tokens."""

import os

import msgspec

from tollway.identity.issued import Issued
from tollway.identity.keys import Key, digest
from tollway.identity.login import Login
from tollway.storage.memory.cabinet import MemoryCabinet
from tollway.workers.service_access import MOST_OF_SERVICE
from tollway.workers.tokens import Tokens

PEPPER = b"p" * 32
START = 1_800_000_000_000
LOGIN = Login(issuer="company", access_token_ms=600_000, refresh_token_ms=86_400_000)
SERVICE = Key(name="bot", digest=b"parent", service="bot", id="abc", client_id="abc.tollway", models=("openai/*",))


class World:
    """Tokens, a service token, and a clock to turn."""

    def __init__(self) -> None:
        self.issued = Issued()
        self.now = START
        self.tokens = Tokens(MemoryCabinet(), self.issued, PEPPER, lambda: self.now, os.urandom)
        self.issued.put(SERVICE)

    def make(self) -> str:
        return self.tokens.of_service(SERVICE, LOGIN)[0]

    def opened(self, token: str) -> Key | None:
        key = self.issued.get(digest(token, PEPPER))
        return key if key is not None and key.expires_at is not None and key.expires_at > self.now else None

    def change(self, **fields: object) -> None:
        self.issued.put(msgspec.structs.replace(SERVICE, **fields))
        self.tokens.follow()


def test_a_service_gets_tokens_that_do_what_it_may_by_now() -> None:
    world = World()
    token, made = world.tokens.of_service(SERVICE, LOGIN)
    assert (made.service, made.models, made.client_id, made.name) == ("bot", ("openai/*",), "", "bot")
    assert world.opened(token) == made
    world.change(models=("openai/gpt-4o",))
    changed = world.opened(token)
    assert changed is not None
    assert (changed.models, changed.client_id, changed.expires_at) == (("openai/gpt-4o",), "", made.expires_at)


def test_they_end_with_what_they_were_made_of() -> None:
    for end in ({"enabled": False}, {"expires_at": START}, None):
        world = World()
        token = world.make()
        if end is None:
            world.issued.drop(b"parent")
            world.tokens.follow()
        else:
            world.change(**end)
        assert world.opened(token) is None
        world.change()
        assert world.opened(token) is None, "for good"


def test_a_secret_that_ends_later_ends_them_then() -> None:
    world = World()
    token = world.make()
    world.change(expires_at=START + 1_000)
    world.now += 999
    assert world.opened(token) is not None
    world.now += 1
    assert world.opened(token) is None, "without anybody following"


async def test_a_revoked_one_stays_so_whatever_becomes_of_the_service_token() -> None:
    world = World()
    token, other = world.make(), world.make()
    await world.tokens.revoke(token)
    assert world.opened(token) is None
    world.change(models=("openai/gpt-4o",))
    assert world.opened(token) is None
    assert world.opened(other) is not None


def test_a_service_cannot_fill_the_memory() -> None:
    world = World()
    tokens = [world.make() for _ in range(MOST_OF_SERVICE + 5)]
    assert len(world.issued) == MOST_OF_SERVICE + 1
    assert world.opened(tokens[0]) is None
    assert world.opened(tokens[-1]) is not None
    world.now += LOGIN.access_token_ms
    world.tokens.follow()
    assert len(world.issued) == 1
    assert not world.tokens._services._made
