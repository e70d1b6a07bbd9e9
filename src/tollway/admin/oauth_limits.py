"""How often an address may try: who guesses codes is told to wait, and nobody else."""

import ipaddress

MOST_BEGUN = 300
"""Sign-ins that one address may begin in the time that a code is good for."""
MOST_PLACES = 10_000
"""Addresses that are remembered; the one that was first seen makes room."""


class Tries:
    """Counts by address, for one thing that may be done `most` times in `per_ms` milliseconds."""

    def __init__(self, most: int, per_ms: int) -> None:
        self._most = most
        self._per_ms = per_ms
        self._seen: dict[str, list[int]] = {}
        """Address → when its time began (Unix milliseconds), and how many came since."""

    def wait(self, address: str, now: int) -> int | None:
        """After how many seconds the address may try again; `None` where it may now."""
        seen = self._current(place_of(address), now)
        return max(1, -(-(seen[0] + self._per_ms - now) // 1000)) if seen[1] >= self._most else None

    def count(self, address: str, now: int) -> None:
        """One more."""
        place = place_of(address)
        seen = self._current(place, now)
        seen[1] += 1
        if place not in self._seen:
            if len(self._seen) >= MOST_PLACES:
                del self._seen[next(iter(self._seen))]
            self._seen[place] = seen

    def _current(self, place: str, now: int) -> list[int]:
        seen = self._seen.get(place)
        if seen is not None and now - seen[0] >= self._per_ms:
            del self._seen[place]
            seen = None
        return [now, 0] if seen is None else seen

    def __len__(self) -> int:
        return len(self._seen)


def place_of(address: str) -> str:
    """The address, or of IPv6 its network of 64 bits: whoever has one of these has them all."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), 64), strict=False))
