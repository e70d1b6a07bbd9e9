"""Anchors: what they sign stays as it was, and whoever changes them or the log is told of."""

import base64

import msgspec
import pytest

from tollway.storage import anchored
from tollway.storage.anchored import Anchor, Kept, Remembered, SigningKey, Verdict

KEY = SigningKey(bytes(32))
OTHER = SigningKey(bytes([1]) * 32)
AT = 1_795_000_000_000
HASHES = {seq: f"{seq:064x}" for seq in range(1, 31)}


def file(*lines: int, key: SigningKey = KEY, hashes: dict[int, str] = HASHES) -> bytes:
    """A file with an anchor for each of these lines of the log."""
    text, previous = b"", ""
    for number, seq in enumerate(lines, start=1):
        anchor = Anchor(number=number, at=AT + number, seq=seq, hash=hashes[seq], previous=previous, key="")
        line = anchored.written(key.sign(anchor))
        previous = anchored.digest(line)
        text += line + b"\n"
    return text


def remembered(text: bytes) -> bytes:
    last = anchored.read(text)[-1]
    return msgspec.json.encode(Remembered(number=last.anchor.number, digest=last.digest))


def judged(
    text: bytes,
    *,
    lines: int = 30,
    hashes: dict[int, str] = HASHES,
    known: bytes | None = None,
    trusted: tuple[str, ...] = (KEY.public,),
    broken: tuple[str, ...] = (),
) -> Verdict:
    there = {seq: value for seq, value in hashes.items() if seq <= lines}
    head = (lines, there.get(lines, ""))
    return anchored.verdict(broken, anchored.read(text), head=head, hashes=there, remembered=known, trusted=trusted)


def test_an_anchor_is_signed_over_all_that_it_says() -> None:
    (kept,) = anchored.read(file(7))
    assert anchored.is_signed(kept.anchor, [KEY.public])
    assert not anchored.is_signed(kept.anchor, [OTHER.public])
    for field, value in (("number", 2), ("at", 1), ("seq", 8), ("hash", "0"), ("previous", "0")):
        assert not anchored.is_signed(msgspec.structs.replace(kept.anchor, **{field: value}), [KEY.public]), field


@pytest.mark.parametrize("signature", ["", "!", base64.b64encode(bytes(64)).decode(), base64.b64encode(b"x").decode()])
def test_what_is_no_signature_is_none(signature: str) -> None:
    (kept,) = anchored.read(file(7))
    assert not anchored.is_signed(msgspec.structs.replace(kept.anchor, signature=signature), [KEY.public])


def test_an_anchor_that_names_another_key_than_the_one_that_signed_it_is_not_signed() -> None:
    (kept,) = anchored.read(file(7, key=OTHER))
    stolen = msgspec.structs.replace(kept.anchor, key=KEY.public)
    assert not anchored.is_signed(stolen, [KEY.public, OTHER.public])


def test_a_signing_key_shows_its_public_half_alone() -> None:
    key = SigningKey(b"canary-canary-canary-canary-0123")
    assert "canary" not in repr(key) and base64.b64encode(b"canary-canary-canary-canary-0123").decode() not in repr(key)
    assert anchored.read_key(key.public) != b"canary-canary-canary-canary-0123"


@pytest.mark.parametrize("text", ["", "x", base64.b64encode(bytes(31)).decode(), "é"])
def test_what_is_no_key_is_none(text: str) -> None:
    assert anchored.read_key(text) is None


def test_a_log_that_is_as_it_was_signed_has_no_differences() -> None:
    text = file(3, 10, 30)
    found = judged(text, known=remembered(text))
    assert (found.differences, found.anchors, found.anchored_line, found.anchored_at) == ([], 3, 30, AT + 3)
    assert found.notes[0].startswith("What is cut off, changed or added behind line 30")


def test_lines_behind_the_last_anchor_are_said_to_be_without_one() -> None:
    assert judged(file(3, 10)).notes[0] == "Audit lines 11 to 30 have no anchor yet."
    assert judged(file(29)).notes[0] == "Audit line 30 has no anchor yet."


def test_a_log_without_anchors_says_what_is_not_seen() -> None:
    found = judged(b"")
    assert (found.differences, found.anchored_line, found.anchored_at) == ([], 0, None)
    assert found.notes[0].startswith("There is no anchor yet")
    assert judged(b"", lines=0).notes == []


def test_lines_cut_off_at_the_end_are_named() -> None:
    assert judged(file(3, 10, 30), lines=12).differences == [
        "Audit lines 13 to 30 were cut off at the end: anchor 3 of 2026-11-18T11:06:40.003Z signs line 30.",
        "Up to line 10 the hashes are those that were signed.",
    ]
    assert judged(file(2), lines=1).differences[0].startswith("Audit line 2 was cut off at the end")
    assert judged(file(2), lines=0).differences[-1] == "No line is as it was signed."


def test_hashes_that_were_computed_again_are_found_with_the_place() -> None:
    forged = HASHES | {seq: f"{seq + 99:064x}" for seq in range(8, 31)}
    words = judged(file(3, 6, 10, 20, 30), hashes=forged).differences
    assert words[0].startswith("Audit line 10 is not the one that anchor 3 of ")
    assert "and those of 2 more anchors are not either: between lines 7 and 10," in words[0]
    assert words[1] == "Up to line 6 the hashes are those that were signed."


def test_a_line_that_is_gone_is_not_the_one_that_was_signed() -> None:
    gone = {seq: value for seq, value in HASHES.items() if seq != 4}
    assert judged(file(3, 4), hashes=gone).differences[0].startswith("Audit line 4 is not the one that anchor 2 ")
    assert "at line 4," in judged(file(3, 4), hashes=gone).differences[0]


def test_an_anchor_that_was_taken_out_is_missed() -> None:
    first, second, third = file(3, 10, 30).splitlines()
    assert "Anchor 3 follows anchor 1" in judged(first + b"\n" + third).differences[0]
    assert "The anchors begin with number 2" in judged(second + b"\n" + third).differences[0]
    assert "put in another order" in judged(first + b"\n" + third + b"\n" + second).differences[0]


def test_an_anchor_that_was_changed_is_found_by_its_signature_and_by_the_next() -> None:
    first, second = file(3, 10).splitlines()
    words = judged(first.replace(b'"seq":3', b'"seq":2') + b"\n" + second).differences
    assert words == [
        "Anchor 2 was made behind another anchor 1 than the one there: that was changed.",
        "Anchor 1 was changed: its signature is wrong.",
    ]
    # White space is no part of what is signed, and is part of what the next one names.
    assert len(judged(first + b" \n" + second).differences) == 1


def test_anchors_that_were_cut_off_are_missed_by_the_database() -> None:
    text = file(3, 10, 30)
    lines = text.splitlines(keepends=True)
    known = remembered(text)
    (words,) = judged(b"".join(lines[:2]), known=known).differences
    assert words.startswith("The database remembers anchor 3, which is not there")
    assert judged(b"", known=known).differences
    assert judged(text, known=remembered(lines[0] + lines[1])).differences == [], "a crash comes between the two"
    (words,) = judged(text, known=remembered(lines[0])).differences
    assert "the database is older than the anchors" in words
    assert judged(text, known=b"{").differences == [
        "What the database remembers of the last anchor cannot be read: it was changed."
    ]


def test_anchors_of_a_key_that_is_not_trusted_prove_nothing_and_are_told_once() -> None:
    (words,) = judged(file(3, 10, 30, key=OTHER), lines=12).differences
    assert words.startswith("3 of the anchors have the signature of a key that is not trusted")
    assert OTHER.public in words
    assert judged(file(3, 10, 30, key=OTHER), trusted=(KEY.public, OTHER.public)).differences == []


def test_a_line_that_a_crash_cut_off_is_passed_over() -> None:
    first, second = file(3, 10).splitlines()
    assert judged(first + b"\n" + second[:40] + b"\n" + second + b"\n" + first[:9]).differences == []
    assert anchored.read(b"\xff\n[]\n{}\n" + first) == [Kept(anchored.read(first)[0].anchor, anchored.digest(first))]


def test_there_is_an_end_to_what_is_told() -> None:
    found = judged(file(3), broken=tuple(f"line {number}" for number in range(1_000)))
    assert len(found.differences) == anchored.MOST_DIFFERENCES + 1
    assert found.differences[-1] == "There are 800 more differences like these."
