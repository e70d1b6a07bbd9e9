"""Sittings that stand out, told without looking at each: most are cheap, and only the dearest can be among them.

A sitting that is dearer than the 99th percentile of all others is one of the dearest hundredth. Whether it is dearer than twice the
95th percentile of its user's own is told by counting: at most a twentieth of them may cost half of it or more, and those are dear
themselves.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from tollway.storage.analytics import OWN_DAYS, OWN_SESSIONS, Anomaly, Outstanding, Sitting
from tollway.storage.sql.driver import Connection

OWN_MS: Final = OWN_DAYS * 86_400_000
_RARE_PERCENT: Final = 99
_USUAL_PERCENT: Final = 95

# Of an index that has all that is asked for, the dearest first.
_RARE: Final = """
SELECT amount_nanodollars FROM sittings INDEXED BY sittings_amount WHERE last_at >= ? AND last_at < ?
ORDER BY amount_nanodollars DESC LIMIT 1 OFFSET ?
"""
_DEAR: Final = """
SELECT user, last_at, name, first_at, amount_nanodollars, entries FROM sittings INDEXED BY sittings_amount
WHERE last_at >= ? AND last_at < ? AND amount_nanodollars > ?
"""
# The plus keeps the index of instants out of it: one user's sittings lie side by side in the table.
_OF_USER: Final = "FROM sittings WHERE user = ? AND +last_at >= ? AND +last_at < ?"
_BEFORE: Final = "FROM sittings WHERE user = ?1 AND +last_at >= ?2 AND (last_at, name, first_at) < (?3, ?4, ?5)"


class _Dear(NamedTuple):
    """A sitting, in the order in which a user's are judged."""

    user: str
    last_at: int
    name: str
    first_at: int
    spent: int
    entries: int


class _Found(NamedTuple):
    """One that stands out, and of how many of its user's before it."""

    one: _Dear
    own: int


def outstanding(
    reading: Connection, *, since: int, until: int, among: Collection[str] | None, listed: int
) -> Outstanding:
    """`Analytics.outstanding`, all of it in one snapshot."""
    with reading:
        window = (since - OWN_MS, until)
        number: int = reading.execute("SELECT count(*) FROM sittings WHERE last_at >= ? AND last_at < ?", window).get
        if number < 2:
            return Outstanding(number=0, dearest=())
        # How many lie above the nearest rank of all others.
        above = number - rank(number - 1, _RARE_PERCENT) - 1
        dear, rare = _dear(reading, window, above)
        found: list[_Found] = []
        for user, own in groupby(sorted(dear), key=lambda one: one.user):
            if among is None or user in among:
                found += _of_user(reading, user, list(own), since, until, rare)
        found.sort(key=lambda each: (-each.one.spent, *each.one))
        return Outstanding(
            number=len(found),
            dearest=tuple(
                Anomaly(sitting=_sitting(each.one), usual=_usual(reading, each), rare=rare) for each in found[:listed]
            ),
        )


def rank(number: int, percent: int) -> int:
    """The place, from 0, of the nearest rank among `number` ascending amounts, of which there are some."""
    return -(-number * percent // 100) - 1


def _dear(reading: Connection, window: tuple[int, int], above: int) -> tuple[list[_Dear], int]:
    """What costs more than half of the 99th percentile (of nothing, what costs more), and that percentile."""
    rare: int = reading.execute(_RARE, (*window, above)).get
    least = rare // 2 if rare > 0 else rare
    return [_Dear(*row) for row in reading.execute(_DEAR, (*window, least))], rare


def _of_user(reading: Connection, user: str, dear: list[_Dear], since: int, until: int, rare: int) -> Iterator[_Found]:
    """Those that stand out, of one user's dear ones in the order in which they ended."""
    hopeful = [(one, dearer) for one, dearer in _with_dearer(dear) if one.last_at >= since and one.spent > rare]
    if not hopeful:
        return
    ended = sorted(at for (at,) in reading.execute(f"SELECT last_at {_OF_USER}", (user, since - OWN_MS, until)))
    for one, dearer in hopeful:
        own = bisect_left(ended, one.last_at) - bisect_left(ended, one.last_at - OWN_MS)
        if bisect_right(ended, one.last_at) - bisect_left(ended, one.last_at) > 1:
            own = reading.execute(f"SELECT count(*) {_BEFORE}", _earlier(one)).get
        # Twice the nearest rank is less than it where more than so many of them cost less than half.
        if own >= OWN_SESSIONS and own - dearer > rank(own, _USUAL_PERCENT):
            yield _Found(one, own)


def _with_dearer(dear: Sequence[_Dear]) -> Iterator[tuple[_Dear, int]]:
    """Each with how many of the user's sittings of the days before cost half of it or more."""
    late: deque[_Dear] = deque()
    amounts: list[int] = []
    for one in dear:
        while late and late[0].last_at < one.last_at - OWN_MS:
            del amounts[bisect_left(amounts, late.popleft().spent)]
        yield one, len(amounts) - bisect_left(amounts, -(-one.spent // 2))
        late.append(one)
        insort(amounts, one.spent)


def _usual(reading: Connection, found: "_Found") -> int:
    """The 95th percentile: so many from the top of the user's sittings of the days before."""
    above = found.own - rank(found.own, _USUAL_PERCENT) - 1
    dearest = f"SELECT amount_nanodollars {_BEFORE} ORDER BY amount_nanodollars DESC LIMIT 1 OFFSET ?6"
    return reading.execute(dearest, (*_earlier(found.one), above)).get


def _earlier(one: _Dear) -> tuple[str, int, int, str, int]:
    return (one.user, one.last_at - OWN_MS, one.last_at, one.name, one.first_at)


def _sitting(one: _Dear) -> Sitting:
    return Sitting(
        user=one.user, name=one.name, first_at=one.first_at, last_at=one.last_at, spent=one.spent, entries=one.entries
    )
