import ipaddress

import pytest

from tollway.workers.addresses import refusal

REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.1.2.3",
    "169.254.1.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::10.0.0.1",
    "::8.8.8.8",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
ALLOWED = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.255.255",
    "192.169.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]
METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
]


@pytest.mark.parametrize("address", [*REFUSED, *METADATA])
def test_what_the_internet_cannot_reach_is_refused(address: str) -> None:
    why = refusal(address)
    assert why is not None and address in why


@pytest.mark.parametrize("address", ALLOWED)
def test_a_public_address_is_not(address: str) -> None:
    assert refusal(address) is None


@pytest.mark.parametrize("address", [a for a in REFUSED if a not in METADATA])
def test_a_private_one_may_be_allowed(address: str) -> None:
    assert refusal(address, allow_private=True) is None


@pytest.mark.parametrize("address", METADATA)
def test_where_clouds_hand_out_credentials_is_refused_even_then(address: str) -> None:
    assert refusal(address, allow_private=True) is not None


@pytest.mark.parametrize("text", ["", "localhost", "example.com", "2130706433", "0x7f000001", "127.1", "1.2.3.4.5"])
def test_what_is_no_address_is_refused(text: str) -> None:
    assert refusal(text, allow_private=True) is not None


def test_whatever_python_calls_private_is_refused() -> None:
    for number in range(0, 2**32, 2**32 // 4096):
        address = ipaddress.IPv4Address(number)
        if address.is_private or address.is_multicast or address.is_reserved:
            assert refusal(str(address)) is not None, address
