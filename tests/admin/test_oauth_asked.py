import base64

import pytest
from starlette.requests import Request

from tollway.admin.oauth_asked import (
    OAuthError,
    address_of,
    base_of,
    browser_of,
    client_of,
    cookie,
    fields_of,
    form_of,
    is_from_here,
    new_browser,
    quoted,
)
from tollway.identity.login import Login

HERE = Login(issuer="company")
PUBLIC = Login(issuer="company", public_url="https://ai.example.com")


def request(*headers: tuple[str, str], body: bytes = b"", peer: str = "192.0.2.7") -> Request:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": raw, "client": (peer, 5), "path": "/"}, receive)


@pytest.mark.parametrize("host", ["127.0.0.1:8787", "127.0.0.1", "localhost:5", "[::1]:8787"])
def test_on_this_machine_the_host_is_believed(host: str) -> None:
    assert base_of(request(("Host", host)), HERE) == f"http://{host}"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1:8787@evil.example",
        "localhost.evil.example",
        "localhost:8787/x",
        "127.0.0.1:8787#evil",
        "127.0.0.1 evil.example",
        "[::1]:8787.evil",
        "10.0.0.1:8787",
        "",
    ],
)
def test_no_other_host_is_believed_and_the_settings_always_are(host: str) -> None:
    assert base_of(request(("Host", host)), HERE) is None
    assert base_of(request(("Host", host)), PUBLIC) == "https://ai.example.com"


def test_two_hosts_or_a_forwarded_one_are_not_believed() -> None:
    assert base_of(request(("Host", "127.0.0.1"), ("Host", "evil.example")), HERE) is None
    assert base_of(request(("Host", "evil.example"), ("X-Forwarded-Host", "127.0.0.1")), HERE) is None


def test_who_calls_is_the_peer_unless_a_proxy_is_said_to_stand_in_front() -> None:
    sent = request(("X-Forwarded-For", "6.6.6.6, 203.0.113.9"))
    assert address_of(sent, HERE) == "192.0.2.7"
    behind = Login(issuer="company", forwarded_for=True)
    assert address_of(sent, behind) == "203.0.113.9", "what the caller wrote itself stands before it"
    assert address_of(request(), behind) == "192.0.2.7"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.9:50000", "203.0.113.9"),
        ("[2001:DB8::1]:50000", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:0db8:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("your own laptop (verified)", "192.0.2.7"),
        ("unknown", "192.0.2.7"),
        ("fe80::1%your own laptop", "192.0.2.7"),
        ("203.0.113.9:x", "192.0.2.7"),
        ("203.0.113.9:50000, ", "192.0.2.7"),
        ("203.0.113.256", "192.0.2.7"),
    ],
)
def test_whatever_a_proxy_writes_one_address_is_one(written: str, address: str) -> None:
    behind = Login(issuer="company", forwarded_for=True)
    assert address_of(request(("X-Forwarded-For", written)), behind) == address


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("tollway", '"tollway"'),
        ('Claude Code". Verified by your IT department. "', "\"Claude Code'. Verified by your IT department. '\""),
        ("“x” «y» \u202ez ＂", '"?x? ?y? ?z ?"'),
        ("a`b''c", "\"a'b'c\""),
        ("x" * 200, f'"{"x" * 64}"'),
        ("  ", '""'),
    ],
)
def test_a_name_stays_between_its_quotes(said: str, shown: str) -> None:
    assert quoted(said) == shown


def test_a_field_that_comes_twice_is_an_error_and_an_empty_one_is_none() -> None:
    with pytest.raises(OAuthError, match="twice"):
        fields_of("client_id=a&client_id=b")
    assert fields_of("a=1&b=") == {"a": "1"}
    for bad in ("a=%ff", "&".join(f"a{n}=1" for n in range(40))):
        with pytest.raises(OAuthError):
            fields_of(bad)


async def test_a_form_is_a_form() -> None:
    kind = ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
    assert await form_of(request(kind, body=b"a=b")) == {"a": "b"}
    assert await form_of(request(kind)) == {}
    assert await form_of(request()) == {}
    for headers, body in (
        ((("Content-Type", "application/json"),), b'{"a": 1}'),
        ((("Content-Type", "multipart/form-data"),), b"a=b"),
        ((), b"a=b"),
        ((kind,), b"a=" + b"x" * 20_000),
        ((kind,), b"a=\xff"),
    ):
        with pytest.raises(OAuthError):
            await form_of(request(*headers, body=body))


def basic(text: str) -> tuple[str, str]:
    return ("Authorization", "Basic " + base64.b64encode(text.encode()).decode())


def test_a_client_names_itself_once() -> None:
    assert client_of(request(), {"client_id": "a"}) == ("a", None)
    assert client_of(request(), {}) == (None, None)
    assert client_of(request(basic("a%3Ab:s%20t")), {}) == ("a:b", "s t")
    assert client_of(request(basic("tollway:")), {}) == ("tollway", None), "an empty secret is none"
    for headers, form in (
        ((basic("a:b"),), {"client_secret": "b"}),
        ((basic("a:b"),), {"client_id": "c"}),
        ((basic("a:b"), basic("a:b")), {}),
        ((("Authorization", "Bearer x"),), {}),
        ((("Authorization", "Basic !!"),), {}),
        ((basic("no-colon"),), {}),
    ):
        with pytest.raises(OAuthError):
            client_of(request(*headers), form)


def test_a_form_of_another_site_is_known_for_one() -> None:
    base = "https://ai.example.com"
    assert is_from_here(request(), base)
    assert is_from_here(request(("Origin", base), ("Sec-Fetch-Site", "same-origin")), base)
    for headers in (
        (("Origin", "https://evil.example"),),
        (("Origin", "null"),),
        (("Sec-Fetch-Site", "cross-site"), ("Origin", base)),
        (("Sec-Fetch-Site", "same-site"),),
    ):
        assert not is_from_here(request(*headers), base)


def test_a_browser_is_known_by_a_cookie_that_scripts_and_other_hosts_cannot_have_set() -> None:
    browser = new_browser()
    set_public = cookie("https://ai.example.com", browser)
    assert set_public.startswith(f"__Host-tollway-sign-in={browser}; Path=/;")
    assert all(word in set_public for word in ("HttpOnly", "Secure", "SameSite=Lax"))
    assert "Domain" not in set_public
    sent = set_public.partition(";")[0]
    assert browser_of(request(("Cookie", sent)), "https://ai.example.com") == browser
    assert browser_of(request(("Cookie", sent)), "http://127.0.0.1:5") == ""
    assert browser_of(request(("Cookie", "__Host-tollway-sign-in=short")), "https://ai.example.com") == ""
    assert "Secure" not in cookie("http://127.0.0.1:5", browser)


def test_an_error_is_what_the_standard_allows_in_one() -> None:
    body = OAuthError("invalid_request", 'say "no" to é\\').answer().body
    assert body == b"""{"error":"invalid_request","error_description":"say 'no' to ?/"}"""
