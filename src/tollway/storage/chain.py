"""The chain of hashes that holds the audit log together: who changes a line, or takes one out, breaks it.

Each hash is SHA-256 over the hash before it (in hexadecimal, nothing for the first) and the line's canonical JSON: keys in
order, no white space. Lines cut off at the end leave a whole chain; keep the last hash elsewhere to see that too.
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
    last_seq, last_hash = 0, ""
    for seq, line, previous, found in lines:
        if seq != last_seq + 1:
            words.append(f"Audit line {seq} follows line {last_seq}: lines between them are gone.")
        if previous != last_hash:
            words.append(f"Audit line {seq} names {previous or 'nothing'} as the hash before it, which is {last_hash}.")
        if link(previous, line) != found:
            words.append(f"Audit line {seq} was changed: its hash is {link(previous, line)}, and {found} is kept.")
        last_seq, last_hash = seq, found
    return words
