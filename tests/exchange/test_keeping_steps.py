"""What is asked of a cache, and of who keeps repeats: only where the settings or a header switch them on."""

from typing import Any

import pytest
import world
from playbook import OK, Playbook, budget, whole

from tollway.exchange.keeping_steps import Begin, Finish, Keep, Lookup
from tollway.exchange.steps import Forward, Read, Settle
from tollway.request import NO_HANDLING, Handling

CACHED: dict[str, Any] = {"gateways": [{"slug": "default", "cache": {"ttl_s": 600}}]}
NAMES = {kind.__name__ for kind in (Begin, Finish, Keep, Lookup)}


@pytest.mark.parametrize(
    ("settings", "handling", "asked"),
    [
        ({}, NO_HANDLING, set[str]()),
        ({}, Handling(max_attempts=1), set[str]()),
        (CACHED, NO_HANDLING, {"Lookup", "Keep"}),
        ({}, Handling(cache_ttl_s=600), {"Lookup", "Keep"}),
        ({}, Handling(idempotency_key="once"), {"Begin", "Finish"}),
    ],
)
def test_nothing_is_looked_up_or_kept_unless_it_is_switched_on(
    settings: dict[str, Any], handling: Handling, asked: set[str]
) -> None:
    play = Playbook(world.snapshot(**budget(), **settings), handling=handling)
    play.authenticated()
    if isinstance(play.command, Begin):
        play.on(Begin, None)
    if isinstance(play.command, Lookup):
        play.on(Lookup, None)
    play.held()
    play.on(Forward, OK)
    play.on(Read, whole(raw=b'{"made": true}'))
    play.on(Settle, None)
    for kind in (Keep, Finish):
        if isinstance(play.command, kind):
            play.on(kind, None)
    play.sent_and_logged()
    assert NAMES.intersection(play.told) == asked
