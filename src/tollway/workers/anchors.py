"""Anchors the audit log: signs its head and adds it to a file in a second place, so that what is cut off is missed.

At the start, at the end, and every five minutes in which the log has grown. A disk that is full or away never stops the
gateway: it is logged and counted, and tried again.
"""

import asyncio
import logging
import os
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from tollway.errors import SettingsInvalid, StoreUnavailable
from tollway.ledger.change import Recorded
from tollway.storage import anchored
from tollway.storage.anchored import KEY_BYTES, Anchor, Remembered, SigningKey, Verdict
from tollway.storage.protocol import Audit, Cabinet, Kept

log = logging.getLogger("tollway.workers")

EVERY_S, FINISH_S = 300.0, 5.0
FILE = "audit.key"
"""In the data folder, where nothing else is said. Whoever can write there can also sign: to keep them apart, say where the
key is, and put the anchors where this gateway may only add to them."""
KEY = "TOLLWAY_AUDIT_KEY"
PREVIOUS = "TOLLWAY_AUDIT_KEY_PREVIOUS"
DRAWER, LAST = "anchor", "last"
# The end of the file that is read for its last anchor, of which none is longer than a few hundred bytes.
_TAIL_BYTES = 65_536


class Store(Protocol):
    """The parts of a store that it needs."""

    @property
    def audit(self) -> Audit: ...

    @property
    def cabinet(self) -> Cabinet: ...


class _Last(NamedTuple):
    """The anchor that the next one follows."""

    number: int
    digest: str
    anchor: Anchor | None
    """`None` where the database alone knows of it."""


class AnchorKeys:
    """The key that anchors are signed with, and those that are believed."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = os.environ) -> None:
        """Raises SettingsInvalid for what the environment names and cannot be used. Nothing is made before the first anchor."""
        self._file = folder / FILE
        given = environment.get(KEY, "").strip()
        self._seed = _named(given, environment) if given else None
        self._signing: SigningKey | None = None
        self._previous = [each.strip() for each in environment.get(PREVIOUS, "").split(",") if each.strip()]
        for key in self._previous:
            if anchored.read_key(key) is None:
                raise SettingsInvalid(f"{PREVIOUS}: {key[:64]!r} is no public key; `tollway audit verify` shows them.")

    def signing(self) -> SigningKey:
        """The one in force, made now where there is none. Raises SettingsInvalid or OSError where it cannot be had."""
        if self._signing is None:
            seed = self._seed or self._kept()
            if seed is None:
                self._make()
                log.info("made the key that anchors of the audit log are signed with: %s", self._file)
                seed = self._kept()
            assert seed is not None
            self._signing = SigningKey(seed)
        return self._signing

    def trusted(self) -> tuple[str, ...]:
        """Public keys in base64, the one in force first, none where there is none yet. Raises as `signing` does."""
        seed = self._seed or self._kept()
        return (*((SigningKey(seed).public,) if seed is not None else ()), *self._previous)

    def _kept(self) -> bytes | None:
        try:
            text = self._file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            text = ""
        return _seed(text, str(self._file))

    def _make(self) -> None:
        fresh = self._file.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(b64encode(os.urandom(KEY_BYTES)).decode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)
        _sync_folder(self._file)


class Anchors:
    """The anchors of one audit log. Made once for a process; `path` is for this gateway alone."""

    def __init__(self, store: Store, path: Path, keys: AnchorKeys, now: Callable[[], int]) -> None:
        self.path = path
        self.failures = 0
        """How often none could be written, since the start."""
        self.trouble: str | None = None
        """Why the last one could not be written; `None` while they can be."""
        self._store = store
        self._keys = keys
        self._now = now
        self._lock = asyncio.Lock()
        self._told = False

    async def write(self) -> bool:
        """Anchors the head of the log if it moved; whether it did. Trouble is logged and counted, never raised."""
        async with self._lock:
            try:
                wrote = await self._write()
            except (OSError, StoreUnavailable, SettingsInvalid) as error:
                self.failures += 1
                self.trouble = f"The audit log could not be anchored in {self.path}: {error}"
                log.warning("%s; what is cut off the log meanwhile is not seen. It is tried again", self.trouble)
                return False
            if self.trouble is not None:
                log.warning("the audit log is anchored again")
                self.trouble = None
            return wrote

    async def finish(self, within_s: float = FINISH_S) -> None:
        """`write` at the end of the process, which a disk that never answers does not hold up."""
        try:
            async with asyncio.timeout(within_s):
                await self.write()
        except TimeoutError:
            log.warning("the audit log could not be anchored in %s before the end: it did not answer", self.path)

    async def verify(self) -> Verdict:
        """What is found of the log and its anchors. Raises StoreUnavailable, OSError where the anchors cannot be read, and
        SettingsInvalid where the key cannot be."""
        # Each is read before the next, which may only have grown meanwhile.
        remembered = await self._remembered()
        anchors, trusted = await asyncio.to_thread(self._read)
        hashes = await self._store.audit.hashes({each.anchor.seq for each in anchors})
        broken = await self._store.audit.verify()
        head = await self._store.audit.changes(limit=1)
        return await asyncio.to_thread(
            anchored.verdict,
            broken,
            anchors,
            head=(head[0].seq, head[0].hash) if head else (0, ""),
            hashes=hashes,
            remembered=remembered,
            trusted=trusted,
        )

    def trusted(self) -> tuple[str, ...]:
        """`AnchorKeys.trusted`."""
        return self._keys.trusted()

    async def _write(self) -> bool:
        head = await self._store.audit.changes(limit=1)
        remembered = await self._remembered()
        if not head and remembered is None:
            return False
        last = await asyncio.to_thread(self._last, remembered)
        if last is not None and last.anchor is None:
            self._tell("anchor %d is not in %s any more. See: tollway audit verify", last.number, self.path)
        if last is not None and last.anchor is not None:
            await self._compare(last.anchor)
            # What the database knows is never more than one anchor behind.
            await self._remember(last.number, last.digest, remembered)
        if not head or (last is not None and last.anchor is not None and _is_of(last.anchor, head[0])):
            return False
        number, line = await asyncio.to_thread(self._add, head[0], last)
        await self._remember(number, anchored.digest(line), remembered)
        return True

    async def _remembered(self) -> bytes | None:
        kept = await self._store.cabinet.get(DRAWER, LAST, self._now())
        return kept.record if kept is not None else None

    async def _remember(self, number: int, digest: str, before: bytes | None) -> None:
        record = msgspec.json.encode(Remembered(number=number, digest=digest))
        if record != before:
            await self._store.cabinet.put(Kept(drawer=DRAWER, id=LAST, record=record, at=self._now()))

    async def _compare(self, last: Anchor) -> None:
        """Says so where the line of the last anchor is not there as it was signed."""
        kept = await self._store.audit.hashes({last.seq})
        if kept.get(last.seq) != last.hash:
            said = "the audit log was changed: line %d is not the one that anchor %d signs. See: tollway audit verify"
            self._tell(said, last.seq, last.number)

    def _tell(self, said: str, *about: object) -> None:
        """Logs what `verify` finds too; once for a process."""
        if not self._told:
            self._told = True
            log.error(said, *about)

    def _last(self, remembered: bytes | None) -> _Last | None:
        """The anchor that the next one follows: of the file, or of the database where that knows a later one."""
        trusted = (self._keys.signing().public, *self._keys.trusted())
        own = [each for each in anchored.read(_tail(self.path)) if anchored.is_signed(each.anchor, trusted)]
        there = _Last(own[-1].anchor.number, own[-1].digest, own[-1].anchor) if own else None
        try:
            known = msgspec.json.decode(remembered, type=Remembered) if remembered is not None else None
        except (msgspec.DecodeError, UnicodeDecodeError):
            # It was changed. `verify` says so until the next anchor, and the file is what counts.
            known = None
        if known is None or (there is not None and (there.number > known.number or there.digest == known.digest)):
            return there
        # Anchors are gone from the file, or it is another one: that is to be seen in those that follow.
        return _Last(known.number, known.digest, None)

    def _add(self, head: Recorded, last: _Last | None) -> tuple[int, bytes]:
        """Adds an anchor to the file; its number and its line."""
        number = last.number + 1 if last is not None else 1
        line = anchored.written(
            self._keys.signing().sign(
                Anchor(
                    number=number,
                    at=self._now(),
                    seq=head.seq,
                    hash=head.hash,
                    previous=last.digest if last is not None else "",
                    key="",
                )
            )
        )
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            length = os.fstat(descriptor).st_size
            # A crash may have cut off a line; the next one begins on its own.
            torn = length > 0 and os.pread(descriptor, 1, length - 1) != b"\n"
            text = (b"\n" if torn else b"") + line + b"\n"
            if file.write(text) != len(text):
                raise OSError("the disk took part of a line; it may be full")
            os.fsync(descriptor)
        if is_new:
            _sync_folder(self.path)
        return number, line

    def _read(self) -> tuple[list[anchored.Kept], tuple[str, ...]]:
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            text = b""
        return anchored.read(text), self._keys.trusted()


async def keep_anchors(anchors: Anchors, every_s: float = EVERY_S) -> None:
    """Runs until cancelled."""
    while True:
        await anchors.write()
        await asyncio.sleep(every_s)


def _is_of(anchor: Anchor, line: Recorded) -> bool:
    return (anchor.seq, anchor.hash) == (line.seq, line.hash)


def _tail(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(max(0, length - _TAIL_BYTES))
            return file.read()
    except FileNotFoundError:
        return b""


def _named(reference: str, environment: Mapping[str, str]) -> bytes:
    kind, _, name = reference.partition(":")
    if kind == "env" and name:
        return _seed(environment.get(name, ""), f"{KEY}, {reference}")
    if kind == "file" and name:
        try:
            return _seed(Path(name).expanduser().read_text(encoding="utf-8"), f"{KEY}, {reference}")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsInvalid(f"{KEY}: the file {name!r} cannot be read: {error}") from None
    raise SettingsInvalid(f"{KEY}: write env:NAME or file:PATH of a key (openssl rand -base64 {KEY_BYTES}).")


def _seed(text: str, where: str) -> bytes:
    seed = anchored.read_key(text)
    if seed is None:
        raise SettingsInvalid(f"{where} has no key of {KEY_BYTES} bytes in base64 (openssl rand -base64 {KEY_BYTES}).")
    return seed


def _sync_folder(path: Path) -> None:
    """Makes the name of a new file as durable as what is in it."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
