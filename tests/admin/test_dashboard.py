"""How a browser gets the dashboard: from a build of two files."""

import contextlib
import gzip
import importlib.util
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tollway.admin.dashboard import NONCE, built, dashboard_router

SCRIPT = b"export const answer = 42;\n" * 100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("dist")
    (root / "assets").mkdir()
    (root / "index.html").write_text(f'<script nonce="{NONCE}" src="/dashboard/assets/a-1.js"></script><p>Tollway</p>')
    (root / "assets" / "a-1.js").write_bytes(SCRIPT)
    (root / "assets" / "a-1.js.gz").write_bytes(gzip.compress(SCRIPT))
    (root / "icon.svg").write_text("<svg/>")
    (root / ".stamp").write_text("a digest")
    (root.parent / "secret.txt").write_text("nobody's business")
    return root


@pytest.fixture(scope="module")
def browser(folder: Path) -> TestClient:
    app = FastAPI(openapi_url=None)
    app.include_router(dashboard_router(built(folder)))
    return TestClient(app, headers={"accept-encoding": ""})


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/", "/dashboard/requests", "/dashboard/budgets?open=a"])
def test_every_address_gets_the_page_and_none_is_kept(browser: TestClient, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 200 and "<p>Tollway</p>" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_the_policy_lets_in_what_carries_the_nonce_of_this_answer_alone(browser: TestClient) -> None:
    answers = [browser.get("/dashboard") for _ in range(2)]
    nonces = {answer.text.partition('nonce="')[2].partition('"')[0] for answer in answers}
    assert len(nonces) == 2 and NONCE not in answers[0].text
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert answer.text.partition('nonce="')[2].partition('"')[0] in policy
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["x-frame-options"] == "DENY"


def test_a_hashed_file_is_kept_for_ever_and_another_is_asked_for_again(browser: TestClient) -> None:
    script, icon = browser.get("/dashboard/assets/a-1.js"), browser.get("/dashboard/icon.svg")
    assert script.content == SCRIPT and script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in script.headers["cache-control"]
    assert icon.headers["cache-control"] == "no-cache" and icon.headers["content-type"] == "image/svg+xml"


def test_what_the_browser_has_is_not_sent_again(browser: TestClient) -> None:
    tag = browser.get("/dashboard/icon.svg").headers["etag"]
    again = browser.get("/dashboard/icon.svg", headers={"if-none-match": f'"other", {tag}'})
    assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == tag
    assert browser.get("/dashboard/icon.svg", headers={"if-none-match": '"other"'}).status_code == 200


def test_what_is_compressed_goes_to_whom_can_read_it(browser: TestClient) -> None:
    packed = browser.get("/dashboard/assets/a-1.js", headers={"accept-encoding": "gzip, deflate, br"})
    assert packed.headers["content-encoding"] == "gzip" and packed.content == SCRIPT
    plain = browser.get("/dashboard/assets/a-1.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/%2e%2e/secret.txt",
        "/dashboard/..%2fsecret.txt",
        "/dashboard/....//secret.txt",
        "/dashboard/.stamp",
        "/dashboard/assets",
    ],
)
def test_no_address_leads_out_of_the_build(browser: TestClient, path: str) -> None:
    answer = browser.get(path)
    assert "nobody" not in answer.text and "a digest" not in answer.text
    assert answer.status_code == 404 or "<p>Tollway</p>" in answer.text


def test_a_file_of_an_older_build_is_missing_and_not_the_page(browser: TestClient) -> None:
    answer = browser.get("/dashboard/assets/a-0.js")
    assert answer.status_code == 404 and "<p>" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert browser.get("/dashboard/assets/a-1.js.gz").status_code == 404


def test_without_a_build_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    assert built(tmp_path) is None
    app = FastAPI(openapi_url=None)
    app.include_router(dashboard_router(None))
    answer = TestClient(app).get("/dashboard/budgets")
    assert answer.status_code == 503 and "scripts/build_dashboard.py" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_check_of_its_types_gives_a_busy_machine_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("build_dashboard", Path("scripts/build_dashboard.py"))
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    waits: list[float] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        waits.append(request.extensions["timeout"]["read"])
        return httpx2.Response(200, json={"openapi": "3.1.0"})

    @contextlib.asynccontextmanager
    async def gateway(_: Path) -> AsyncGenerator[SimpleNamespace]:
        yield SimpleNamespace(url="http://gateway")

    client = partial(httpx2.AsyncClient, transport=httpx2.MockTransport(answer))
    monkeypatch.setattr(httpx2, "AsyncClient", client)
    monkeypatch.setattr("tollway.demo.gateway.running_gateway", gateway)
    assert '"3.1.0"' in script._openapi()
    assert waits == [60]
