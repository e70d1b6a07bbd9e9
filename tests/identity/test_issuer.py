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
