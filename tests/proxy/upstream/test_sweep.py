import asyncio
import math

from tollway.proxy.upstream.sweep import Sweep


class Timer:
    def __init__(self, at: float) -> None:
        self.at = at
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """A loop whose clock the test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[Timer, object]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, at: float, callback: object) -> Timer:
        timer = Timer(at)
        self.timers.append((timer, callback))
        return timer

    def next(self) -> float:
        """Go to the one timer that is set, and call it; when that was."""
        (pending,) = [(timer, callback) for timer, callback in self.timers if not timer.cancelled]
        self.timers.clear()
        self.now = pending[0].at
        pending[1]()  # type: ignore[operator]
        return self.now

    @property
    def pending(self) -> int:
        return sum(not timer.cancelled for timer, _ in self.timers)


class Waiting:
    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.expired = 0

    def expire(self) -> None:
        self.expired += 1
        self.deadline = math.inf


def swept(loop: Loop, *connections: Waiting) -> Sweep:
    sweep = Sweep(loop)  # type: ignore[arg-type]
    for connection in connections:
        sweep.add(connection)  # type: ignore[arg-type]
    return sweep


def test_a_deadline_is_met_to_the_instant_though_nobody_announced_it() -> None:
    loop = Loop()
    late, never = Waiting(103.4), Waiting(math.inf)
    swept(loop, late, never)
    assert [loop.next() for _ in range(4)] == [101.0, 102.0, 103.0, 103.4]
    assert (late.expired, never.expired) == (1, 0)


def test_a_deadline_that_moves_on_is_not_met() -> None:
    loop = Loop()
    connection = Waiting(101.5)
    swept(loop, connection)
    assert loop.next() == 101.0
    connection.deadline = 160.0
    assert loop.next() == 101.5
    assert connection.expired == 0
    assert loop.next() == 102.5


def test_a_deadline_within_the_second_is_met_if_it_is_announced() -> None:
    loop = Loop()
    connection = Waiting(math.inf)
    sweep = swept(loop, connection)
    connection.deadline = 100.05
    sweep.hasten(100.05)
    sweep.hasten(100.9)
    assert loop.next() == 100.05
    assert connection.expired == 1


def test_without_connections_nothing_is_scheduled() -> None:
    loop = Loop()
    connection = Waiting(math.inf)
    sweep = swept(loop, connection)
    assert loop.pending == 1
    sweep.discard(connection)  # type: ignore[arg-type]
    assert loop.pending == 0
    assert len(sweep) == 0
    sweep.add(connection)  # type: ignore[arg-type]
    assert loop.pending == 1


def test_expiring_the_last_connection_stops_the_timer() -> None:
    loop = Loop()
    connection = Waiting(100.5)
    sweep = swept(loop, connection)

    def leave() -> None:
        sweep.discard(connection)  # type: ignore[arg-type]

    connection.expire = leave  # type: ignore[method-assign]
    loop.next()
    assert loop.pending == 0


async def test_closing_waits_for_the_last_socket() -> None:
    sweep = Sweep(asyncio.get_running_loop())

    class Closing(Waiting):
        def abort(self) -> None:
            asyncio.get_running_loop().call_soon(sweep.discard, self)

    sweep.add(Closing(math.inf))  # type: ignore[arg-type]
    sweep.add(Closing(math.inf))  # type: ignore[arg-type]
    await sweep.close()
    assert len(sweep) == 0
