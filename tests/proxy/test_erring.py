"""Errors of status 200, as the driver finds them."""

from types import SimpleNamespace
from typing import Any

import msgspec
import world

from tollway.exchange.steps import Forward
from tollway.providers.answered_error import LONGEST_OPENING
from tollway.proxy.erring import Erring
from tollway.proxy.health import LEAST, Health
from tollway.snapshot import Route
from tollway.usage import Report

ERROR = b'{"error": {"message": "no, sk-provider-secret", "code": 503}}'
EVENT = b"data: " + ERROR + b"\n\n"


def erring(method: str = "POST", health: Health | None = None) -> Erring:
    request = world.request(method=method)
    route = Route(world.snapshot().providers["openai"], "gpt-4o-mini")
    reservation: Any = SimpleNamespace(id="r")
    command = Forward(reservation, route, request, request.upstream_path)
    there: Any = SimpleNamespace(health=health or Health(), clock=SimpleNamespace(now=lambda: world.NOW))
    return Erring(command, [(b"authorization", b"Bearer sk-provider-secret")], there)  # type: ignore[arg-type]


def test_a_whole_error_is_one_where_it_was_asked_for_an_answer() -> None:
    assert erring().whole(ERROR, Report()) == 503
    assert erring("GET").whole(ERROR, Report()) is None, "what is read may be a failed job"
    assert erring().whole(ERROR, None) is None, "what could not be read may be anything"


def test_a_stream_is_one_in_whatever_pieces_it_came_unless_it_was_left_or_says_more() -> None:
    for size in (1, 7, len(EVENT)):
        found = erring()
        for start in range(0, len(EVENT), size):
            found.feed(EVENT[start : start + size])
        assert found.stream("broken_off", 0, Report()) == 503
        assert found.stream("client_gone", 0, Report()) is None
        assert found.stream("complete", 40, Report()) is None
    assert erring().stream("complete", 0, Report()) is None, "a stream of nothing tells nothing"
    long = erring()
    long.feed(b": waiting\n\n" * LONGEST_OPENING)
    long.feed(EVENT)
    assert long.stream("complete", 0, Report()) is None


def test_it_counts_as_a_failure_of_its_target() -> None:
    health = Health()
    name = "openai/gpt-4o-mini"
    health.seen([name], world.NOW)
    for _ in range(LEAST):
        erring(health=health).whole(ERROR, Report())
    assert health.seen([name], world.NOW)[0].resting


def test_the_key_that_was_sent_is_not_shown_in_an_error() -> None:
    assert erring().shown(ERROR, 503) == ERROR.replace(b"sk-provider-secret", b"[redacted]")
    assert erring().shown(ERROR, 200) == ERROR
    assert msgspec.json.decode(erring().shown(ERROR, 503))
