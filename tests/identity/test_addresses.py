"""From where a key may be used."""

import pytest

from tollway.identity.addresses import is_within, read_network


@pytest.mark.parametrize(
    ("address", "networks", "within"),
    [
        ("10.1.2.3", ("10.0.0.0/8",), True),
        ("11.1.2.3", ("10.0.0.0/8",), False),
        ("11.1.2.3", ("10.0.0.0/8", "11.1.2.3/32"), True),
        ("::ffff:10.1.2.3", ("10.0.0.0/8",), True),
        ("2001:db8::7", ("2001:db8::/32",), True),
        ("fe80::1%eth0", ("fe80::/10",), True),
        ("2001:db8::7", ("10.0.0.0/8",), False),
        ("", ("0.0.0.0/0", "::/0"), False),
        ("localhost", ("0.0.0.0/0",), False),
    ],
)
def test_an_address_lies_in_a_network_or_in_none(address: str, networks: tuple[str, ...], within: bool) -> None:
    assert is_within(address, networks) is within


def test_a_network_is_kept_as_it_is_usually_written() -> None:
    assert read_network(" 192.0.2.7 ") == "192.0.2.7/32"
    assert read_network("2001:DB8:0::/48") == "2001:db8::/48"


@pytest.mark.parametrize("text", ["", "office", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/255.0.0.0/8"])
def test_what_is_no_network_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/8"):
        read_network(text)
