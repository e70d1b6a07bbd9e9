"""The chain of hashes: every line that was touched is named."""

import hashlib

import msgspec

from tollway.ledger.change import Change
from tollway.storage.chain import broken, canonical, link

Line = tuple[int, bytes, str, str]


def chained(*changes: Change) -> list[Line]:
    lines: list[Line] = []
    previous = ""
    for seq, change in enumerate(changes, start=1):
        line = canonical(change)
        lines.append((seq, line, previous, link(previous, line)))
        previous = lines[-1][3]
    return lines


CHANGES = [Change(at=number, by="alice", action="budget.changed", target="ml", after="{}") for number in range(4)]


def test_the_canonical_form_has_its_keys_in_order_and_says_all() -> None:
    assert canonical(CHANGES[1]) == (
        b'{"action":"budget.changed","after":"{}","at":1,"before":null,"by":"alice","reason":"","target":"ml"}'
    )
    assert msgspec.json.decode(canonical(CHANGES[1]), type=Change) == CHANGES[1]


def test_a_hash_is_of_the_one_before_and_the_line() -> None:
    assert link("ab", b"{}") == hashlib.sha256(b"ab{}").hexdigest()


def test_a_whole_chain_has_nothing_to_tell() -> None:
    assert broken(chained(*CHANGES)) == []
    assert broken([]) == []


def test_a_changed_line_is_named() -> None:
    lines = chained(*CHANGES)
    seq, _, previous, found = lines[1]
    lines[1] = (seq, canonical(CHANGES[3]), previous, found)
    (words,) = broken(lines)
    assert words.startswith("Audit line 2 was changed: its hash is ") and words.endswith(f"{found} is kept.")


def test_a_changed_line_with_a_hash_to_match_breaks_the_next_one() -> None:
    lines = chained(*CHANGES)
    seq, _, previous, _ = lines[1]
    forged = canonical(CHANGES[3])
    lines[1] = (seq, forged, previous, link(previous, forged))
    (words,) = broken(lines)
    assert words.startswith("Audit line 3 names ")


def test_lines_that_are_gone_are_missed_and_numbered() -> None:
    lines = chained(*CHANGES)
    follows, names = broken([lines[0], *lines[2:]])
    assert follows == "Audit line 3 follows line 1: line 2 is gone."
    assert names == (
        f"Audit line 3 names {lines[2][2]} as the hash before it, which is {lines[0][3]}: the line before it was changed or "
        "replaced, or is gone."
    )
    assert broken(lines[2:])[0] == "Audit line 3 follows line 0: lines 1 to 2 are gone."
    assert "is not the next one" in broken([lines[0], lines[0]])[0]


def test_lines_in_another_order_are_told_from_lines_that_were_changed() -> None:
    lines = chained(*CHANGES)
    # The second and the third have changed places, with their numbers to match.
    swapped = [lines[0], (2, *lines[2][1:]), (3, *lines[1][1:]), lines[3]]
    words = broken(swapped)
    assert [each[:12] for each in words] == ["Audit line 2", "Audit line 3", "Audit line 4"]
    assert "put in another order; it was written behind what is line 3 now" in words[0]
    assert not any("was changed:" in each for each in words)
