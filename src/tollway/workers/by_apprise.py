"""Sending events by apprise, in processes of their own (`apprise_process`), which are ended if they take too long."""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping

from tollway.alerts import Channel, Event
from tollway.workers.webhook import Outcome

TIMEOUT_S = 45.0
IDLE_S = 60.0
"""How long a process is kept for the next event."""


class ByApprise:
    """Sends; a process for each channel, so that one that hangs delays no other. Alerts are rare: it does not stay."""

    def __init__(
        self,
        timeout_s: float = TIMEOUT_S,
        idle_s: float = IDLE_S,
        module: str = "tollway.workers.apprise_process",
    ) -> None:
        self._timeout_s = timeout_s
        self._idle_s = idle_s
        self._module = module
        self._processes: dict[str, Process] = {}
        self._busy: dict[str, asyncio.Lock] = {}
        self._ends: dict[str, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[tuple[bytes, bytes]]] = set()

    async def send(self, channel: Channel, event: Event) -> Outcome:
        """One attempt. What stood in the way is told without the channel's address."""
        message = {
            "url": channel.address(),
            "allow_private": channel.allow_private,
            "title": event.title,
            # Mail and chat have no header for it: whoever gets an event twice can tell by its id.
            "body": f"{event.text}\n\nEvent {event.id}",
            "type": "info" if event.kind == "test" else "warning",
        }
        async with self._busy.setdefault(channel.name, asyncio.Lock()):
            if (timer := self._ends.pop(channel.name, None)) is not None:
                timer.cancel()
            line = b""
            try:
                async with asyncio.timeout(self._timeout_s):
                    line = await self._ask(channel.name, json.dumps(message).encode())
            except TimeoutError:
                return Outcome(False, f"{channel.shown} did not take it within {self._timeout_s:g} s")
            except OSError as error:
                return Outcome(False, f"apprise could not be started: {error.strerror or error}")
            finally:
                # What has not answered is not asked again: an answer that comes late would be taken for the next one's.
                if line:
                    loop = asyncio.get_running_loop()
                    self._ends[channel.name] = loop.call_later(self._idle_s, self._end, channel.name)
                else:
                    self._end(channel.name)
        try:
            said = json.loads(line)
            return Outcome(bool(said["arrived"]), str(said["said"]), bool(said["final"]))
        except (ValueError, KeyError, TypeError):
            return Outcome(False, "apprise ended without a word")

    async def aclose(self) -> None:
        """Ends every process."""
        for timer in self._ends.values():
            timer.cancel()
        for name in tuple(self._processes):
            self._end(name)
        await asyncio.gather(*self._ending)

    async def _ask(self, name: str, message: bytes) -> bytes:
        process = self._processes.get(name)
        if process is None or process.returncode is not None:
            # -P: what lies in the folder we were started in is no module of ours.
            process = self._processes[name] = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                self._module,
                stdin=PIPE,
                stdout=PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=_environment(os.environ),
            )
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(ConnectionError):
            process.stdin.write(message + b"\n")
            await process.stdin.drain()
        try:
            return await process.stdout.readline()
        except ValueError:
            return b""

    def _end(self, name: str) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        # What it may still have said is read, so that nothing of it stays.
        ending = asyncio.get_running_loop().create_task(process.communicate())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    """Ours, without what is none of apprise's business: other secrets, proxies that would be asked instead, netrc."""
    kept = (
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "PYTHONPATH",
        "VIRTUAL_ENV",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "TZ",
        "SYSTEMROOT",
    )
    return {name: own[name] for name in kept if name in own} | {"NETRC": os.devnull, "NO_PROXY": "*"}
