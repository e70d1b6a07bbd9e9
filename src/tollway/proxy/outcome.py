"""What the end of a call tells of its target: how it does of late, and whether the key was taken that it was called with."""

from tollway.exchange.steps import Forward, NoAnswer, NotSent
from tollway.proxy.health import failed
from tollway.proxy.transport import Response
from tollway.proxy.world import World
from tollway.snapshot import Route, Snapshot

_OURS = frozenset({"overloaded", "shutting_down"})
"""Why nothing came of a call on this side."""


def name_of(route: Route) -> str:
    """What a target is remembered by."""
    return f"{route.provider.slug}/{route.model}"


def remember(
    command: Forward, answer: Response | NotSent | NoAnswer, took_ms: int, snapshot: Snapshot, world: World
) -> None:
    """Notes how the call that `command` asked for went. `took_ms`: until the head of its answer."""
    route, request, now = command.route, command.request, world.clock.now()
    if type(answer) is NotSent or type(answer) is NoAnswer:
        if answer.code not in _OURS and not _was_too_hasty(command, answer.code, snapshot):
            world.health.note(name_of(route), now, ok=False)
        return
    callers_key = snapshot.gateways[request.gateway].provider_keys == "caller"
    ok = not failed(answer.status, callers_key=callers_key)
    world.health.note(name_of(route), now, ok=ok, latency_ms=took_ms)
    if route.provider.keys:
        used = route.provider.key(request.gateway, request.key_alias, request.received_at)
        if used is not None:
            world.key_used(route.provider.slug, used[0], answer.status == 401)


def _was_too_hasty(command: Forward, code: str, snapshot: Snapshot) -> bool:
    """Whether nothing came because the caller itself waited for less than the settings do: that tells nothing of the target, and
    nobody may have one rest for all by asking for a millisecond."""
    own = command.request.handling.timeout_ms
    if code != "upstream_timeout" or own is None or command.timeout_ms != own:
        return False
    settings = snapshot.gateways[command.request.gateway].timeout_ms
    others = int(command.route.provider.first_byte_timeout_s * 1000)
    return own < (others if settings is None else min(settings, others))
