"""Every command that stands before a provider is called has a reply for a rehearsal; those behind it have none."""

import pytest
import tests.exchange.world as world

from tollway.cache.idempotency import Fresh
from tollway.exchange.keeping_steps import Begin, Lookup
from tollway.exchange.steps import Authenticate, Consult, Read, Seen
from tollway.exchange.unasked import unasked


def test_on_a_quiet_day_nobody_rests_nothing_is_kept_and_every_repeat_is_the_first() -> None:
    assert unasked(Consult(("a/b", "c/d"))) == (Seen(), Seen())
    assert unasked(Lookup(b"key", "default")) is None
    assert unasked(Begin(b"key", b"print")) == Fresh()


def test_what_only_a_forwarded_request_asks_for_is_a_defect() -> None:
    for command in (Read(), Authenticate(world.request())):
        with pytest.raises(AssertionError, match="never answered here"):
            unasked(command)
