"""The chain of hashes that holds the audit log together: who changes a line, or takes one out, breaks it.

Each hash is SHA-256 over the hash before it (in hexadecimal, nothing for the first) and the line's canonical JSON: keys in
order, no white space. Lines cut off at the end leave a whole chain, and so does one that was computed again as a whole:
the anchors see those (`anchored.py`).
"""

import hashlib
from collections.abc import Iterable

import msgspec

from tollway.ledger.change import Change

_encode = msgspec.json.Encoder(order="sorted").encode


def canonical(change: Change) -> bytes:
    """The JSON of a change that is hashed and kept."""
    return _encode(change)


def link(previous: str, line: bytes) -> str:
    """The hash of a line behind the one whose hash is `previous`, in hexadecimal."""
    return hashlib.sha256(previous.encode() + line).hexdigest()


def broken(lines: Iterable[tuple[int, bytes, str, str]]) -> list[str]:
    """Each of the lines (seq, canonical JSON, previous, hash), in their order, that does not fit, in words."""
    words: list[str] = []
    # Where each hash stands, to tell a line that was moved from one whose neighbour was replaced.
    places: dict[str, int] = {}
    elsewhere: list[tuple[int, int, str, str]] = []
    last_seq, last_hash = 0, ""
    for seq, line, previous, found in lines:
        if seq != last_seq + 1:
            words.append(f"Audit line {seq} follows line {last_seq}: {_gone(last_seq + 1, seq - 1)}.")
        if previous != last_hash:
            elsewhere.append((len(words), seq, previous, last_hash))
            words.append("")
        if link(previous, line) != found:
            words.append(f"Audit line {seq} was changed: its hash is {link(previous, line)}, and {found} is kept.")
        places[found] = seq
        last_seq, last_hash = seq, found
    for index, seq, previous, expected in elsewhere:
        words[index] = _misplaced(seq, previous, expected, places.get(previous))
    return words


def _misplaced(seq: int, previous: str, expected: str, place: int | None) -> str:
    said = f"Audit line {seq} names {previous or 'nothing'} as the hash before it, which is {expected or 'nothing'}: "
    if place is not None:
        return f"{said}lines were put in another order; it was written behind what is line {place} now."
    return f"{said}the line before it was changed or replaced, or is gone."


def _gone(first: int, last: int) -> str:
    if last < first:
        # Only a file that breaks its own rules has a number twice, or one below 1.
        return "its number is not the next one"
    return f"line {first} is gone" if first == last else f"lines {first} to {last} are gone"
