from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tollway.cli import doctor
from tollway.cli.commands import app
from tollway.clock import iso

NOWHERE = ["--url", "http://127.0.0.1:9", "--token", "any-token-at-all"]


def states(*words: str) -> dict[str, str]:
    import json

    result = CliRunner().invoke(app, ["doctor", *words, *NOWHERE, "--json"])
    assert result.exit_code == 1
    return {finding["what"]: finding["state"] for finding in json.loads(result.output)}


def test_settings_that_cannot_be_used_are_wrong(tmp_path: Path) -> None:
    config = tmp_path / "tollway.yaml"
    config.write_text("budgts: []")
    assert states("--config", str(config), "--data", str(tmp_path))["settings"] == "wrong"


def test_a_data_folder_that_is_a_file_is_wrong_and_one_that_is_not_there_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert states("--data", str(file))["data folder"] == "wrong"
    assert states("--data", str(tmp_path / "none"))["data folder"] == "warning"
    assert states("--data", str(tmp_path))["data folder"] == "ok"
    assert list(tmp_path.iterdir()) == [file]


def test_no_provider_with_a_key_is_wrong(tmp_path: Path) -> None:
    config = tmp_path / "tollway.yaml"
    config.write_text("providers: {openai: {}}")
    assert states("--config", str(config), "--data", str(tmp_path))["providers"] == "wrong"


@pytest.mark.parametrize(("day", "state"), [("2026-06-30", "ok"), ("2026-05-02", "ok"), ("2026-04-30", "warning")])
def test_prices_grow_old(day: str, state: str) -> None:
    assert doctor._prices({"date": day, "version": "v"}, date(2026, 7, 1)).state == state


@pytest.mark.parametrize(("theirs_s", "state"), [(100, "ok"), (106, "ok"), (120, "wrong"), (80, "wrong")])
def test_clocks_that_differ_are_wrong(theirs_s: int, state: str) -> None:
    assert doctor._clocks(iso(theirs_s * 1000), 100.0, 102.0).state == state


@pytest.mark.parametrize(
    ("state", "found", "said"),
    [("good", "ok", "2 keys"), ("stale", "warning", "serve until 2026"), ("unavailable", "wrong", "open nothing")],
)
def test_an_issuer_that_cannot_be_asked_is_told(state: str, found: str, said: str) -> None:
    issuer = {
        "name": "okta", "issuer": "https://acme.okta.com", "state": state, "keys": ["a", "b"], "error": "it is down",
        "good_until": "2026-11-22T00:00:00.000Z",
    }  # fmt: skip
    finding = doctor._issuer(issuer)
    assert (finding.what, finding.state) == ('issuer "okta"', found) and said in finding.said


STATUS = {
    "version": "1", "at": iso(0), "revision": 1, "store": {"ok": True}, "price_book": {"date": "2026-06-30", "version": "v"},
    "warnings": [],
}  # fmt: skip


@pytest.mark.parametrize(("has_key", "state"), [(True, "ok"), (False, "wrong")])
def test_whether_a_provider_has_a_key_is_for_the_running_gateway_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_key: bool, state: str
) -> None:
    class Running:
        url = "http://running"

        def get(self, path: str, _: object) -> object:
            providers = [{"slug": "openai", "has_key": has_key}]
            return {"items": []} if path.endswith("issuers") else STATUS | {"providers": providers}

    monkeypatch.setattr(doctor.Asking, "client", lambda _: Running())
    monkeypatch.delenv("TOLLWAY_TEST_KEY", raising=False)
    config = tmp_path / "tollway.yaml"
    config.write_text("providers: {openai: {api_key: 'env:TOLLWAY_TEST_KEY'}}")
    import json

    result = CliRunner().invoke(app, ["doctor", "--config", str(config), "--data", str(tmp_path), "--json"])
    found = [finding for finding in json.loads(result.output) if finding["what"] == "providers"]
    assert [(finding["state"], "the gateway has a key of" in finding["said"]) for finding in found] == [(state, True)]
    assert ("has no key" in result.output) is not has_key
    assert next(f["state"] for f in json.loads(result.output) if f["what"] == "settings") == "ok", result.output


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://gateway.example"])
def test_a_gateway_elsewhere_is_asked_and_what_is_local_is_skipped_and_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    class Running:
        url = "http://running"

        def get(self, path: str, _: object) -> object:
            providers = [{"slug": "openai", "has_key": True}]
            return {"items": []} if path.endswith("issuers") else STATUS | {"providers": providers, "at": iso(0)}

    monkeypatch.setattr(doctor.Asking, "client", lambda _: Running())
    monkeypatch.setattr(doctor, "_clocks", lambda *_: doctor.Finding("gateway's clock", "ok", ""))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOLLWAY_URL", url)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0, result.output
    assert f"skipped  settings: not looked at: the gateway asked is {url}" in result.output
    assert "skipped  data folder" in result.output


def test_settings_that_are_named_are_looked_at_wherever_the_gateway_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLWAY_URL", "https://gateway.example")
    config = str(tmp_path / "tollway.yaml")
    assert not doctor._elsewhere(None, config, None) and not doctor._elsewhere(None, None, str(tmp_path))
    monkeypatch.delenv("TOLLWAY_URL")
    assert not doctor._elsewhere(None, None, None)
