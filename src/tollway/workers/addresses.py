"""Which addresses an alert may be sent to: none that only this machine or its network can reach, unless that is allowed.

Whoever may write a webhook's URL could otherwise make the gateway call what stands behind the firewall (server-side
request forgery). Names are resolved first, and the address that was checked is the one that is dialled, so a name that
answers differently a moment later gains nothing. The lists are IANA's special-purpose registries, written out: what
`ipaddress` calls global differs between releases of Python.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
    )
)  # fmt: skip
# RFC 4291 2.4: of IPv6 only 2000::/3 is global unicast; these lie within it.
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
# RFC 6052: an IPv4 address behind a translator.
_NAT64 = IPv6Network("64:ff9b::/96")
# Where clouds tell a machine its credentials: AWS, Google, Azure and others; Alibaba; Azure's host; Oracle; AWS on IPv6.
_METADATA = frozenset(
    ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")
)


def refusal(address: str, *, allow_private: bool = False) -> str | None:
    """Why nothing is sent to an address (as text); `None` where it may be.

    Addresses at which clouds hand out credentials are refused even where private ones are allowed.
    """
    try:
        # A scope ("fe80::1%eth0") names an interface, not another address.
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return f"{address!r} is not an address"
    parsed = _meant(parsed)
    if parsed in _METADATA:
        return f"{address} is where a cloud hands out credentials"
    if allow_private or _is_public(parsed):
        return None
    return f'{address} is not a public address; set "allow_private: true" in its settings if it is meant'


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside an IPv6 one, where that is where it leads."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)
