"""An event loop without a clock and without a world: whatever may run next is drawn by lot, and time passes when nothing can.

The same lots give the same run. "Threads" run on the loop too, at an instant of their own. A loop may die: then nothing
that was to run on it ever does, as when its process is killed.
"""

import asyncio
import heapq
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from itertools import count
from typing import Any

STEP_S = 0.000_02
"""What each step takes."""
THREAD_S = 0.002
"""How long a thread is under way at most."""


class Timeline:
    """Time that outlives a loop."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.steps = 0


class Timer(asyncio.TimerHandle):
    """A timer that its loop need not be told of being cancelled."""


class VirtualLoop(asyncio.AbstractEventLoop):
    """As much of a loop as asyncio's own futures and tasks, and the product, ask of one."""

    def __init__(
        self, timeline: Timeline, lots: random.Random, carry: Callable[[Callable[[], Any]], Any] = lambda work: work()
    ) -> None:
        """`carry` does what a thread does, for which the loop stands still."""
        self.timeline = timeline
        self._carry = carry
        self.after_step: Callable[[], None] = lambda: None
        self.complaints: list[dict[str, Any]] = []
        """What nobody caught."""
        self._lots = lots
        self._ready: list[asyncio.Handle] = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._order = count()
        self._tasks: list[asyncio.Task[Any]] = []
        self._dead = False

    def run(self, done: Callable[[], bool]) -> None:
        """Runs until `done`. What a step raises that is no Exception ends the run."""
        asyncio._set_running_loop(self)
        try:
            while not self._dead and not done():
                self._step()
        finally:
            asyncio._set_running_loop(None)

    def wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Runs until this coroutine has ended; its result."""
        task = self.create_task(coroutine)
        self.run(task.done)
        return task.result()

    def pass_time(self, seconds: float) -> None:
        end = self.timeline.now + seconds
        self.call_later(seconds, lambda: None)
        self.run(lambda: self.timeline.now >= end)

    def _step(self) -> None:
        timeline = self.timeline
        if not self._ready and self._timers:
            timeline.now = max(timeline.now, self._timers[0][0])
        while self._timers and self._timers[0][0] <= timeline.now:
            _, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled():
                self._ready.append(timer)
        if not self._ready:
            if self._timers:
                return
            raise AssertionError("everything waits, and nothing will ever come")
        index = self._lots.randrange(len(self._ready))
        self._ready[index], self._ready[-1] = self._ready[-1], self._ready[index]
        handle = self._ready.pop()
        if handle.cancelled():
            return
        timeline.now += STEP_S
        timeline.steps += 1
        try:
            handle._context.run(handle._callback, *handle._args)  # type: ignore[attr-defined]
        except Exception as error:
            self.call_exception_handler({"message": "a callback failed", "exception": error})
        self.after_step()

    def die(self) -> None:
        """Nothing runs on this loop from here on, and nobody is told."""
        self._dead = True
        for task in self._tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            with suppress(RuntimeError):
                # Without this, what never began complains that it was not awaited.
                task.get_coro().close()  # type: ignore[union-attr]
        self._ready.clear()
        self._timers.clear()
        self._tasks.clear()

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        if not self._dead:
            self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.timeline.now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = Timer(when, callback, args, self, context)
        if not self._dead:
            heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    def time(self) -> float:
        return self.timeline.now

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        if self._dead:
            coro.close()
        self._tasks.append(task)
        if len(self._tasks) > 512:
            self._tasks = [each for each in self._tasks if not each.done()]
        return task

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future = self.create_future()

        def work() -> None:
            try:
                result = self._carry(lambda: func(*args))
            except Exception as error:
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

        self.call_later(self._lots.random() * THREAD_S, work)
        return future

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self._dead

    def is_closed(self) -> bool:
        return self._dead

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self._dead:
            self.complaints.append(context)
