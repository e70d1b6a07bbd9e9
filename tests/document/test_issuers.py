from typing import Any

import pytest
from fake_issuer import trusted
from made_tokens import ISSUER

from tollway.document import read_document
from tollway.document.issuers import read_issuers
from tollway.document.written import IssuerDocument
from tollway.errors import SettingsInvalid

TEAM = "https://acme.cloudflareaccess.com"


def one(**fields: Any) -> Any:
    return trusted(fields).all()[0]


def test_three_fields_are_enough() -> None:
    issuer = one()
    assert (issuer.name, issuer.issuer, issuer.audiences, issuer.jwks_url) == ("company", ISSUER, ("tollway",), None)
    assert issuer.algorithms == {"RS256", "ES256", "PS256", "EdDSA"} and issuer.token_types == {"jwt", "at+jwt"}
    assert (issuer.leeway_ms, issuer.max_age_ms, issuer.email_assumed) == (60_000, 86_400_000, False)


def test_cloudflare_access_needs_its_team_and_nothing_else() -> None:
    issuer = one(kind="cloudflare_access", issuer=TEAM)
    assert issuer.jwks_url == f"{TEAM}/cdn-cgi/access/certs"
    assert issuer.userinfo_url == f"{TEAM}/cdn-cgi/access/get-identity" and issuer.email_assumed
    assert one(kind="cloudflare_access", issuer=f"{TEAM}/").jwks_url == f"{TEAM}/cdn-cgi/access/certs"


def test_a_whole_document_is_read() -> None:
    document = read_document(
        {
            "issuers": [
                {
                    "name": "okta",
                    "issuer": ISSUER,
                    "audience": ["a", "b"],
                    "headers": ["X-Id-Token"],
                    "claims": {"groups": "realm_access.roles", "metadata": {"dept": "department"}},
                    "require": {"hd": "example.com", "amr": ["mfa", "hwk"]},
                    "client_id": "web",
                    "client_secret": "env:SECRET",
                }
            ]
        }
    )
    issuer = read_issuers(document.issuers, ["default"], lambda text, _: f"resolved-{text}").all()[0]
    assert issuer.headers == (b"x-id-token",) and issuer.claims.metadata == {"dept": "department"}
    assert issuer.require == {"hd": ("example.com",), "amr": ("mfa", "hwk")}
    assert issuer.client_secret is not None and issuer.client_secret() == "resolved-env:SECRET"
    assert "resolved" not in repr(issuer)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "a b"}, "slug"),
        ({"issuer": "login.example.com"}, "https URL"),
        ({"issuer": "https://user@login.example.com"}, "https URL"),
        ({"issuer": "https://login.example.com?x=1"}, "https URL"),
        ({"issuer": "https://login.example.com:99999"}, "https URL"),
        ({"issuer": "file:///etc/passwd"}, "https URL"),
        ({"issuer": "http://login.example.com"}, "allow_http"),
        ({"issuer": "http://login.example.com", "allow_http": True}, "allow_private"),
        ({"jwks_url": "http://login.example.com/keys"}, "allow_http"),
        ({"userinfo_url": "ftp://x"}, "https URL"),
        ({"audience": ""}, "audience"),
        ({"audience": []}, "audience"),
        ({"audience": ["a", ""]}, "audience"),
        ({"algorithms": []}, "empty"),
        ({"algorithms": ["HS256"]}, "no proof"),
        ({"algorithms": ["RS256", "none"]}, "no proof"),
        ({"algorithms": ["RS257"]}, "not known"),
        ({"algorithms": ["rs256"]}, "not known"),
        ({"headers": ["Cookie"]}, "cannot carry"),
        ({"headers": ["tollway-metadata"]}, "cannot carry"),
        ({"headers": ["x id"]}, "cannot carry"),
        ({"leeway_s": 61}, "leeway_s"),
        ({"leeway_s": -1}, "leeway_s"),
        ({"max_age_s": 0}, "max_age_s"),
        ({"max_age_s": 86_401}, "max_age_s"),
        ({"gateways": ["nope"]}, 'no gateway "nope"'),
        ({"require": {"hd": []}}, "hd"),
        ({"client_secret": "x"}, "client_id"),
        ({"client_id": "web", "client_secret": "a secret"}, "spaces"),
        ({"kind": "cloudflare_access", "issuer": f"{TEAM}/x"}, "without a path"),
    ],
)
def test_a_wrong_setting_names_the_issuer_and_the_way_out(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        trusted(fields)
    assert said in str(raised.value) and f'issuer "{fields.get("name", "company")}"' in str(raised.value)


@pytest.mark.parametrize("metadata", [{"": "x"}, {"cf.user_id": "x"}, {"tollway.x": "x"}, {"a": ""}, {"a" * 129: "x"}])
def test_metadata_that_is_reserved_or_empty_is_refused(metadata: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid, match=r"claims\.metadata"):
        trusted({"claims": {"metadata": metadata}})


def test_an_empty_claim_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match=r"claims\.groups"):
        trusted({"claims": {"groups": ""}})


def test_two_issuers_must_be_told_apart() -> None:
    with pytest.raises(SettingsInvalid, match="used twice"):
        trusted({}, {"audience": "x"})
    with pytest.raises(SettingsInvalid, match='"tollway" too'):
        trusted({}, {"name": "other", "audience": ["x", "tollway"]})
    assert len(trusted({}, {"name": "other", "audience": "x"}).all()) == 2


def test_a_field_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(SettingsInvalid, match=r"at `issuers\.okta\.claims\.groups`"):
        read_document({"issuers": [{"name": "okta", "issuer": ISSUER, "audience": "a", "claims": {"groups": 1}}]})
    with pytest.raises(SettingsInvalid, match="audiences"):
        read_document({"issuers": [{"name": "x", "issuer": ISSUER, "audiences": "a"}]})
    with pytest.raises(SettingsInvalid, match="audience"):
        read_document({"issuers": [{"name": "x", "issuer": ISSUER}]})
    assert IssuerDocument(name="x", issuer=ISSUER, audience="a").enabled
