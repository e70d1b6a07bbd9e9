import pytest
from fake_issuer import trusted
from made_tokens import ISSUER, claims, token

from tollway.identity.issuer import NO_ISSUERS


def test_without_issuers_there_is_nothing_to_look_for() -> None:
    assert not NO_ISSUERS and NO_ISSUERS.headers == frozenset() and not NO_ISSUERS.cookies
    assert NO_ISSUERS.all() == () and NO_ISSUERS.of(ISSUER) == () and not NO_ISSUERS.made(token())


def test_issuers_are_found_by_the_name_in_the_settings_and_by_that_in_the_token() -> None:
    known = trusted({}, {"name": "other", "audience": "x", "headers": ["X-Id-Token"]})
    assert [issuer.name for issuer in known.of(ISSUER)] == ["company", "other"]
    found = known.named("other")
    assert found is not None and found.audiences == ("x",) and known.named("none") is None
    assert known.headers == {b"x-id-token", b"cf-access-jwt-assertion", b"cf-access-token"}
    assert not known.cookies


def test_only_cloudflare_access_sets_a_cookie_that_counts() -> None:
    assert trusted({"kind": "cloudflare_access", "issuer": "https://acme.cloudflareaccess.com"}).cookies


def test_a_token_of_an_issuer_is_known_good_or_not() -> None:
    known = trusted({"enabled": False})
    assert known.made(token()) and known.made(token(claims(exp=1)))
    assert not known.made(token(claims(iss="https://elsewhere.example"))) and not known.made("sk-a-key")


@pytest.mark.parametrize(
    ("name", "company", "other", "vouches"),
    [
        ("company", True, True, "company"),
        # Another audience of the same provider vouches for its own alone.
        ("company", False, True, None),
        ("gone", True, True, None),
        ("other", True, True, "other"),
        # The name was not kept.
        ("", True, True, None),
        ("", True, False, "company"),
        ("", False, False, None),
    ],
)
def test_each_entry_vouches_for_its_own(name: str, company: bool, other: bool, vouches: str | None) -> None:
    known = trusted({"enabled": company}, {"name": "other", "audience": "x", "enabled": other})
    found = known.vouching(ISSUER, name)
    assert (found.name if found is not None else None) == vouches
    assert known.vouching("https://elsewhere.example", name) is None
