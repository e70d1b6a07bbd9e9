"""A disk that can lose power: what SQLite does to its files is noted, and any instant of it can be built again.

A write is durable once its file was synced after it. At a loss of power each sector written since may or may not have
reached the disk, in any order; so may a change of length. Nothing else is taken for granted but that a sector is whole.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import apsw

SECTOR = 512
NAME = "tollway-power"
SYSTEM = apsw.vfs_names()[0]


class Event(NamedTuple):
    """One thing done to a file: its bytes from `offset` on, its length, or a sync."""

    name: str
    kind: Literal["write", "truncate", "sync", "delete"]
    offset: int = 0
    written: bytes = b""


class Trace:
    """What was done to the files of one folder, in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self.failure: Callable[[Event], None] = lambda _: None
        """Called before anything is done; what it raises SQLite is told."""

    def note(self, event: Event) -> None:
        self.failure(event)
        self.events.append(event)


class TracedVFS(apsw.VFS):
    """The system's own file system, noting what is done to the database and its log."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        super().__init__(NAME, SYSTEM)

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        return TracedFile(self._trace, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self._trace.note(Event(Path(filename).name, "delete"))


class TracedFile(apsw.VFSFile):
    def __init__(self, trace: Trace, name: Any, flags: list[int]) -> None:
        self._trace = trace
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        self._name = Path(path).name
        super().__init__(SYSTEM, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._trace.note(Event(self._name, "write", offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._trace.note(Event(self._name, "truncate", newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        # The disk of a test need not turn: that the sync was asked for is what counts.
        self._trace.note(Event(self._name, "sync"))


class Disk:
    """The files as they are at one instant: what is durable, and what has been done since."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._durable = {name: bytearray(content) for name, content in files.items()}
        self._since: dict[str, list[Event]] = {}

    def do(self, event: Event) -> None:
        """Takes an event in."""
        if event.kind == "delete":
            self._durable.pop(event.name, None)
            self._since.pop(event.name, None)
        elif event.kind == "sync":
            content = self._durable.setdefault(event.name, bytearray())
            for each in self._since.pop(event.name, []):
                _apply(content, each.kind, each.offset, each.written)
        else:
            self._since.setdefault(event.name, []).append(event)

    def after_a_kill(self) -> dict[str, bytes]:
        """All that was written, for the kernel has it."""
        return self._built(lambda: True)

    def after_a_loss_of_power(self, lots: random.Random | None) -> dict[str, bytes]:
        """What is durable, and of the rest as `lots` falls; nothing of it without lots."""
        if lots is None:
            return self._built(lambda: False)
        share = lots.random()
        return self._built(lambda: lots.random() < share)

    def _built(self, kept: Callable[[], bool]) -> dict[str, bytes]:
        files = {name: bytearray(content) for name, content in self._durable.items()}
        for name, events in self._since.items():
            content = files.setdefault(name, bytearray())
            for event in events:
                for offset, piece in _sectors(event):
                    if kept():
                        _apply(content, event.kind, offset, piece)
        return {name: bytes(content) for name, content in files.items()}


def _sectors(event: Event) -> Iterator[tuple[int, bytes]]:
    if event.kind == "truncate":
        yield event.offset, b""
        return
    begin, end = event.offset, event.offset + len(event.written)
    while begin < end:
        upto = min(end, (begin // SECTOR + 1) * SECTOR)
        yield begin, event.written[begin - event.offset : upto - event.offset]
        begin = upto


def _apply(content: bytearray, kind: str, offset: int, written: bytes) -> None:
    if kind == "truncate":
        del content[offset:]
        content.extend(bytes(offset - len(content)))
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(written)] = written
