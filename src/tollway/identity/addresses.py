"""From where a key may be used."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_within(address: str, networks: Sequence[str]) -> bool:
    """Whether an address lies in one of `networks` (CIDR). One that is not known, or cannot be read, lies in none."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    # A socket that listens on both protocols shows an IPv4 caller so.
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in network for network in _parsed(tuple(networks)))


def read_network(text: str) -> str:
    """A network as it is kept: "10.0.0.0/8", "192.0.2.7/32". Raises ValueError in words for people."""
    try:
        return str(ipaddress.ip_network(text.strip(), strict=True))
    except ValueError as error:
        raise ValueError(
            f'"{text[:64]}" is no network: {error}; write one such as 10.0.0.0/8 or 2001:db8::/32'
        ) from None


@lru_cache(maxsize=1_024)
def _parsed(networks: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(each) for each in networks)
