"""How many bad credentials come from an address: who guesses is told to wait, and nobody else."""

import ipaddress

MOST_BAD = 10
"""Bad credentials from an address in a minute that are answered as such."""
WINDOW_MS = 60_000
MOST_ADDRESSES = 10_000
"""Addresses that are remembered; the one that was first seen makes room."""


class Attempts:
    """One for a process. It only ever hears of credentials that opened nothing, so a good one costs nothing here."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[str, list[int]] = {}
        """Address → when its minute began (Unix milliseconds), and how many came since."""

    def bad(self, address: str, now: int) -> int | None:
        """Counts one more; after how many seconds the next may come, where there were too many."""
        place = _place(address)
        seen = self._seen.get(place)
        if seen is None or now - seen[0] >= WINDOW_MS:
            self._make_room(place)
            seen = self._seen[place] = [now, 0]
        seen[1] += 1
        return max(1, -(-(seen[0] + WINDOW_MS - now) // 1000)) if seen[1] > MOST_BAD else None

    def wait_s(self, address: str, now: int) -> int | None:
        """After how many seconds the next may come, where there were too many; counts nothing. For what can be guessed: a
        password that is right after too many wrong ones is not looked at."""
        seen = self._seen.get(_place(address))
        if seen is None or now - seen[0] >= WINDOW_MS or seen[1] < MOST_BAD:
            return None
        return max(1, -(-(seen[0] + WINDOW_MS - now) // 1000))

    def __len__(self) -> int:
        return len(self._seen)

    def _make_room(self, place: str) -> None:
        # It goes to the end: the first is always the one whose minute began first.
        self._seen.pop(place, None)
        if len(self._seen) >= MOST_ADDRESSES:
            del self._seen[next(iter(self._seen))]


def _place(address: str) -> str:
    """The address, or of IPv6 its network of 64 bits: whoever has one of these has them all."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), 64), strict=False))
