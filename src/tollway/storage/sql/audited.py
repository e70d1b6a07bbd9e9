"""Looking at the audit log of a store that no gateway has open: nothing is written, and nothing is taken at its word."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tollway.storage.at_rest import at_rest
from tollway.storage.sql import audit

_HEAD = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
_KEPT = "SELECT record FROM cabinet WHERE drawer = ? AND id = ?"


class AuditLog(NamedTuple):
    """What is in it."""

    broken: Sequence[str]
    """What is wrong with its chain, in words."""
    head: tuple[int, str]
    """Number and hash of its last line; 0 and "" where there is none."""
    hashes: Mapping[int, str]
    """Of the lines that were asked for and are there."""
    remembered: bytes | None
    """The record that was asked for."""


def examine_audit(place: Path | str, lines: Collection[int], remembered: tuple[str, str]) -> AuditLog:
    """The audit log at `place` (`at_rest`): with the hashes of `lines`, and what lies in a drawer of the cabinet under an id.

    Raises StoreUnavailable where there is none, where another process has it, or where it cannot be read.
    """
    with at_rest(place) as store, store.reading() as reading:
        head = reading.execute(_HEAD).fetchone()
        kept = reading.execute(_KEPT, remembered).fetchone()
        return AuditLog(
            broken=audit.broken(reading),
            head=(head[0], head[1]) if head is not None else (0, ""),
            hashes=audit.hashes(reading, lines),
            remembered=kept[0] if kept is not None else None,
        )
