from typing import Any

import pytest
from fake_issuer import FakeIssuer, issuer
from made_tokens import ISSUER, NOW

from tollway.proxy.discovery import KEPT_MS, Discoverer
from tollway.proxy.fetch import FetchFailed

WHERE = "/.well-known/openid-configuration"
GOOD: dict[str, Any] = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys", "token_endpoint": f"{ISSUER}/token"}


def idp(**said: Any) -> tuple[FakeIssuer, Discoverer]:
    fake = FakeIssuer()
    fake.says(WHERE, **{**GOOD, **said})
    return fake, Discoverer(fake)


async def test_what_an_issuer_says_is_asked_for_once_an_hour() -> None:
    fake, discoverer = idp(device_authorization_endpoint=f"{ISSUER}/device", unknown=[1])
    found = await discoverer.discover(issuer(), NOW)
    assert (found.jwks_uri, found.token_endpoint) == (f"{ISSUER}/keys", f"{ISSUER}/token")
    assert found.device_authorization_endpoint == f"{ISSUER}/device" and found.userinfo_endpoint is None
    assert await discoverer.discover(issuer(), NOW + KEPT_MS - 1) is found and fake.asked[WHERE] == 1
    await discoverer.discover(issuer(), NOW + KEPT_MS)
    assert fake.asked[WHERE] == 2


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"issuer": "https://evil.example.com"}, "speaks for the issuer"),
        ({"issuer": ISSUER + "/"}, "speaks for the issuer"),
        ({"issuer": None}, "speaks for the issuer"),
        ({"issuer": "https://login.example.com/{tenantid}/v2.0"}, "speaks for the issuer"),
        ({"jwks_uri": None}, "no jwks_uri"),
        ({"jwks_uri": ["x"]}, "no jwks_uri"),
        ({"jwks_uri": "http://login.example.com/keys"}, "without TLS"),
        ({"jwks_uri": "file:///etc/passwd"}, "no URL"),
        ({"token_endpoint": "http://login.example.com/token"}, "without TLS"),
        ({"token_endpoint": "https://user@evil.example/"}, "no URL"),
    ],
)
async def test_what_cannot_be_believed_is_refused(said: dict[str, Any], why: str) -> None:
    _, discoverer = idp(**said)
    with pytest.raises(FetchFailed, match=why):
        await discoverer.discover(issuer(), NOW)


async def test_an_endpoint_stays_at_the_host_where_it_was() -> None:
    fake, discoverer = idp()
    await discoverer.discover(issuer(), NOW)
    fake.says(WHERE, **{**GOOD, "jwks_uri": "https://evil.example.com/keys"})
    with pytest.raises(FetchFailed, match=r"evil\.example\.com, and before at login\.example\.com"):
        await discoverer.discover(issuer(), NOW + KEPT_MS)
    fake.says(WHERE, **{**GOOD, "jwks_uri": f"{ISSUER}/other-keys"})
    assert (await discoverer.discover(issuer(), NOW + KEPT_MS)).jwks_uri == f"{ISSUER}/other-keys"


@pytest.mark.parametrize("status", [301, 404, 500])
async def test_an_answer_that_is_none_is_said(status: int) -> None:
    fake = FakeIssuer()
    fake.says(WHERE, status)
    with pytest.raises(FetchFailed, match=f"status {status}"):
        await Discoverer(fake).discover(issuer(), NOW)
