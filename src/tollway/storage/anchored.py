"""Anchors of the audit log: its head, signed, and kept in a second place.

An anchor says which hash the log's last line had at an instant. A log that was cut off behind it, or whose hashes were all
computed again, does not fit it any more. Anchors are chained too: each has the SHA-256 of the line of the one before it. They
are lines of JSON in a file that is only added to, signed with Ed25519 (RFC 8032).
"""

import base64
import binascii
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated, NamedTuple

import msgspec

from tollway.clock import iso
from tollway.errors import SettingsInvalid

KEY_BYTES = 32
"""Of a private key (its seed), and of a public one."""
MOST_DIFFERENCES = 200
"""How many are told."""
# What is signed is nothing else that Tollway signs.
_ABOUT = b"tollway audit anchor 1\n"

_Count = Annotated[int, msgspec.Meta(ge=1, le=2**53)]


class Anchor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the second place."""

    number: _Count
    """1, 2, 3, ..."""
    at: Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
    """Unix milliseconds."""
    seq: _Count
    """The last line of the audit log at that time."""
    hash: str
    """Of that line."""
    previous: str
    """SHA-256 of the line of the anchor before it, in hexadecimal; empty for the first."""
    key: str
    """The public key, in base64."""
    signature: str = ""
    """Over all of the above, in base64."""


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What the database knows of the last anchor, so that one that is cut off the other place is missed."""

    number: _Count
    digest: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is found of an audit log and its anchors."""

    lines: int
    """The number of the last line."""
    last_hash: str
    differences: Sequence[str]
    """What was edited, taken out, moved or cut off, in words."""
    notes: Sequence[str]
    """What cannot be seen, in words."""
    anchors: int
    anchored_line: int
    """The last line that an anchor signs; 0 where there are none."""
    anchored_at: int | None
    """Unix milliseconds of the last anchor."""


class SigningKey:
    """An Ed25519 key."""

    def __init__(self, seed: bytes) -> None:
        """Raises SettingsInvalid where OpenSSL has none of these."""
        # Imported when the first anchor is made, which is after the start.
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        try:
            self._key = Ed25519PrivateKey.from_private_bytes(seed)
        except UnsupportedAlgorithm as error:
            raise SettingsInvalid(f"The audit log cannot be anchored: OpenSSL has no Ed25519 here ({error}).") from None
        self.public = base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def __repr__(self) -> str:
        return f"SigningKey({self.public!r})"

    def sign(self, anchor: Anchor) -> Anchor:
        """The anchor with this key and its signature."""
        named = msgspec.structs.replace(anchor, key=self.public, signature="")
        return msgspec.structs.replace(named, signature=base64.b64encode(self._key.sign(_message(named))).decode())


class Kept(NamedTuple):
    """An anchor as it was found."""

    anchor: Anchor
    digest: str


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(Anchor).decode


def written(anchor: Anchor) -> bytes:
    """The line of an anchor, without its end."""
    return _encode(anchor)


def digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def read(text: bytes) -> list[Kept]:
    """The anchors of a file. Lines that cannot be read are left out, as a crash leaves one where it cut off writing; an
    anchor that is missed for that breaks the chain of those that are there."""
    kept: list[Kept] = []
    for line in text.split(b"\n"):
        try:
            kept.append(Kept(_decode(line), digest(line)))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return kept


def is_signed(anchor: Anchor, trusted: Collection[str]) -> bool:
    """Whether it has the signature of a key that is trusted."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key, signature = read_key(anchor.key), _unwrapped(anchor.signature)
    if anchor.key not in trusted or key is None or signature is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _message(anchor))
    except (InvalidSignature, ValueError):
        return False
    return True


def read_key(text: str) -> bytes | None:
    """The bytes of a key in base64; `None` where it is none."""
    key = _unwrapped(text.strip())
    return key if key is not None and len(key) == KEY_BYTES else None


def verdict(
    broken: Sequence[str],
    anchors: Sequence[Kept],
    *,
    head: tuple[int, str],
    hashes: Mapping[int, str],
    remembered: bytes | None,
    trusted: Collection[str],
) -> Verdict:
    """What is found of a log whose last line is `head` (its number and hash; 0 and "" where there is none).

    `broken`: what is wrong with the chain itself. `hashes`: what is kept for each line that an anchor names, if it is there.
    `remembered`: what the database knows of the last anchor. `trusted`: public keys, in base64.
    """
    lines, last_hash = head
    signed = [each.anchor for each in anchors if is_signed(each.anchor, trusted)]
    found = [
        *_unchained(anchors),
        *_unsigned([each.anchor for each in anchors], signed, trusted),
        *_unremembered(anchors, remembered),
        *_unlike(signed, lines, hashes),
    ]
    differences = [*found, *broken]
    if len(differences) > MOST_DIFFERENCES:
        more = len(differences) - MOST_DIFFERENCES
        differences[MOST_DIFFERENCES:] = [f"There are {more:,} more differences like these."]
    last = signed[-1] if signed else None
    return Verdict(
        lines=lines,
        last_hash=last_hash,
        differences=differences,
        notes=_unseen(last, lines) if not differences else [],
        anchors=len(anchors),
        anchored_line=last.seq if last is not None else 0,
        anchored_at=last.at if last is not None else None,
    )


def _unchained(anchors: Sequence[Kept]) -> Iterable[str]:
    """Where an anchor does not follow the one before it."""
    number, before = 0, ""
    for anchor, own in anchors:
        if not number and anchor.number != 1:
            yield (
                f"The anchors begin with number {anchor.number}: those before it are gone. If they are in another file, put "
                "its lines in front."
            )
        elif anchor.number != number + 1:
            yield f"Anchor {anchor.number} follows anchor {number}: anchors were taken out or put in another order."
        elif anchor.previous != before:
            yield f"Anchor {anchor.number} was made behind another anchor {number} than the one there: that was changed."
        number, before = anchor.number, own


def _unsigned(anchors: Sequence[Anchor], signed: Sequence[Anchor], trusted: Collection[str]) -> Iterable[str]:
    fine = {id(anchor) for anchor in signed}
    strange: dict[str, int] = {}
    for anchor in anchors:
        if id(anchor) in fine:
            continue
        if anchor.key in trusted:
            yield f"Anchor {anchor.number} was changed: its signature is wrong."
        else:
            strange[anchor.key] = strange.get(anchor.key, 0) + 1
    for key, count in strange.items():
        yield (
            f"{count:,} of the anchors have the signature of a key that is not trusted, {key[:64]!r}, and prove nothing. If it "
            "was this gateway's, name it in TOLLWAY_AUDIT_KEY_PREVIOUS, or with --key."
        )


def _unremembered(anchors: Sequence[Kept], remembered: bytes | None) -> Iterable[str]:
    """What the database knows of anchors that are not there."""
    if remembered is None:
        return
    try:
        last = msgspec.json.decode(remembered, type=Remembered)
    except (msgspec.DecodeError, UnicodeDecodeError):
        yield "What the database remembers of the last anchor cannot be read: it was changed."
        return
    # A crash may come between the file and the database, so there may be one more.
    if any(each.digest == last.digest for each in anchors[-2:]):
        return
    if any(each.digest == last.digest for each in anchors):
        yield (
            f"The database remembers anchor {last.number} as the last one, and there are more behind it: the database is older "
            "than the anchors."
        )
    else:
        yield (
            f"The database remembers anchor {last.number}, which is not there: anchors were cut off at the end or changed, or "
            "this is an older copy of them."
        )


def _unlike(anchors: Sequence[Anchor], lines: int, hashes: Mapping[int, str]) -> Iterable[str]:
    """Where the log is not what was signed."""
    whole = max((each.seq for each in anchors if hashes.get(each.seq) == each.hash), default=0)
    cut = [each for each in anchors if each.seq > lines]
    other = [each for each in anchors if each.seq <= lines and hashes.get(each.seq) != each.hash]
    if cut:
        last = max(cut, key=lambda each: each.seq)
        yield (
            f"{_lines(lines + 1, last.seq)} cut off at the end: anchor {last.number} of {iso(last.at)} signs line {last.seq}."
        )
    if other:
        first = other[0]
        more = f", and those of {len(other) - 1:,} more anchors are not either" if len(other) > 1 else ""
        between = [each.seq for each in anchors if each.seq < first.seq and hashes.get(each.seq) == each.hash]
        begins = max(between, default=0) + 1
        said = f"between lines {begins} and {first.seq}" if begins < first.seq else f"at line {first.seq}"
        yield (
            f"Audit line {first.seq} is not the one that anchor {first.number} of {iso(first.at)} signs{more}: {said}, lines "
            "were changed, taken out, put in, put in another order, or cut off and written anew, and hashes made to match."
        )
    if cut or other:
        yield f"Up to line {whole} the hashes are those that were signed." if whole else "No line is as it was signed."


def _unseen(last: Anchor | None, lines: int) -> list[str]:
    """What nothing would show."""
    if last is None:
        return (
            ["There is no anchor yet: lines cut off at the end, and hashes that were all computed again, are not seen."]
            if lines
            else []
        )
    behind = "has no anchor" if lines == last.seq + 1 else "have no anchor"
    return [
        *([f"{_named(last.seq + 1, lines)} {behind} yet."] if lines > last.seq else []),
        f"What is cut off, changed or added behind line {last.seq}, by whoever computes the hashes again, is not seen before the "
        "next anchor: a running gateway makes one every 5 minutes.",
    ]


def _named(first: int, last: int) -> str:
    return f"Audit line {first}" if first == last else f"Audit lines {first} to {last}"


def _lines(first: int, last: int) -> str:
    return f"{_named(first, last)} {'was' if first == last else 'were'}"


def _message(anchor: Anchor) -> bytes:
    return _ABOUT + _encode(msgspec.structs.replace(anchor, signature=""))


def _unwrapped(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
