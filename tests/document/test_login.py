import pytest

from tollway.document.login import read_login
from tollway.document.written import IssuerDocument, LoginDocument
from tollway.errors import SettingsInvalid

ISSUER = IssuerDocument(name="company", issuer="https://login.example.com", audience="tollway", client_id="tollway")
OTHERS = [
    IssuerDocument(name="bare", issuer="https://b.example.com", audience="tollway"),
    IssuerDocument(name="off", issuer="https://c.example.com", audience="tollway", client_id="t", enabled=False),
    IssuerDocument(name="scopeless", issuer="https://d.example.com", audience="t", client_id="t", scopes=["email"]),
]


def read(**fields: object) -> object:
    return read_login(LoginDocument(**{"issuer": "company", **fields}), [ISSUER, *OTHERS], {"default", "prod"})


def test_without_the_section_nobody_signs_in() -> None:
    assert read_login(None, [ISSUER], {"default"}) is None


def test_what_is_written_is_what_holds() -> None:
    found = read(public_url="https://ai.example.com/", access_token_s=600, gateways=["prod"], device=False)
    assert found is not None
    assert (found.public_url, found.access_token_ms, found.gateways, found.device) == (
        "https://ai.example.com",
        600_000,
        ("prod",),
        False,
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"issuer": "nobody"}, 'no issuer "nobody".*there are: bare, company'),
        ({"issuer": "bare"}, "has no client_id; register"),
        ({"issuer": "off"}, "is switched off"),
        ({"issuer": "scopeless"}, 'lack "openid"'),
        ({"gateways": ["x"]}, 'no gateway "x"; there are default, prod'),
        ({"access_token_s": 59}, "access_token_s: 59 seconds is not between 60 and 86,400"),
        ({"refresh_token_s": 100}, "refresh_token_s: 100 seconds"),
        *(
            ({"public_url": url}, "public_url")
            for url in (
                "http://ai.example.com",
                "https://ai.example.com/path",
                "https://user@ai.example.com",
                "https://ai.example.com?x",
                "ai.example.com",
                "https://ai.example.com\n",
                "https://",
                "http://127.0.0.1.evil.example",
            )
        ),
    ],
)
def test_what_cannot_be_used_is_said(fields: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        read(**fields)
