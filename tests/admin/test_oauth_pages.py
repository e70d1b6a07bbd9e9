import re

import pytest
from starlette.responses import HTMLResponse

from tollway.admin import oauth_pages as pages

EVIL = "<script>alert(1)</script>\"'&"
ALL = {
    "code": pages.ask_code("WDJB-MJHT"),
    "wrong": pages.ask_code("", EVIL, status=400),
    "typed": pages.ask_code(EVIL),
    "go on": pages.go_on(f"https://login.example.com/?a=b&c={EVIL}", {"set-cookie": "a=b"}),
    "consent": pages.ask_consent(action="/oauth/device", ticket=EVIL, client=EVIL, address=EVIL, age_s=130, who=EVIL),
    "loopback": pages.ask_consent(
        action="/oauth/authorize",
        ticket="t",
        client="c",
        address="",
        age_s=None,
        who="w",
        forms_to="http://127.0.0.1:5",
    ),
    "done": pages.done(True),
    "denied": pages.done(False),
    "sorry": pages.sorry(EVIL, status=403),
}


@pytest.mark.parametrize("made", ALL.values(), ids=ALL.keys())
def test_no_page_runs_or_loads_anything_or_may_be_framed(made: HTMLResponse) -> None:
    html, policy = bytes(made.body).decode(), made.headers["content-security-policy"]
    nonce = re.search(r"style-src 'nonce-([A-Za-z0-9_-]{22})'", policy)
    assert nonce is not None
    assert html.count(f'nonce="{nonce[1]}"') == 1
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert part in policy
    assert "unsafe" not in policy
    assert "<script" not in html
    assert not re.search(r"<[^>]* (style|on\w+)=", html)
    assert not re.search(r"<(img|link|iframe|object)\b", html)
    assert made.headers["cache-control"] == "no-store"
    assert made.headers["x-frame-options"] == "DENY"
    assert 'name="viewport"' in html


def test_only_the_page_for_a_program_lets_its_form_lead_to_it() -> None:
    leading = [name for name, made in ALL.items() if "127.0.0.1" in made.headers["content-security-policy"]]
    assert leading == ["loopback"]


def test_consent_is_asked_with_all_that_decides_it() -> None:
    made = pages.ask_consent(
        action="/oauth/device", ticket="t", client="axios", address="192.0.2.1", age_s=130, who="alice"
    )
    html = bytes(made.body).decode()
    for said in ("Did you start this?", "axios", "192.0.2.1", "2 min ago", "alice", 'value="deny"', 'value="allow"'):
        assert said in html
    assert "autofocus" not in html
    assert "refresh" not in html


def test_each_page_has_a_nonce_of_its_own() -> None:
    seen = {pages.done(True).headers["content-security-policy"] for _ in range(10)}
    assert len(seen) == 10
