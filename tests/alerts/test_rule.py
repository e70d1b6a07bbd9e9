import msgspec
import pytest

from tollway.alerts import Channel


@pytest.mark.parametrize(
    ("channel", "shown"),
    [
        (Channel("a", "webhook", "https://hooks.example.com:8443/s3cret?t=s3cret"), "https://hooks.example.com:8443/…"),
        (Channel("a", "webhook", "https://hooks.example.com"), "https://hooks.example.com/…"),
        (Channel("a", "webhook", "https://hooks.example.com?t=s3cret"), "https://hooks.example.com/…"),
        (Channel("a", "apprise", "mailtos://me:s3cret@example.com?to=you@example.com"), "mailtos://…"),
        (Channel("a", "apprise", "slack://s3cret/s3cret/s3cret"), "slack://…"),
    ],
)
def test_an_address_is_shown_without_what_may_be_a_credential(channel: Channel, shown: str) -> None:
    assert channel.shown == shown
    assert "s3cret" not in repr(channel)


def test_a_channel_cannot_be_encoded_by_accident() -> None:
    with pytest.raises((TypeError, NotImplementedError)):
        msgspec.json.encode(Channel("a", "webhook", "https://example.com", "whsec_x"))
