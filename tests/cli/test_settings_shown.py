from pathlib import Path

import pytest
from typer.testing import CliRunner

from tollway.cli.commands import app

SETTINGS = """
providers:
  openai: {api_key: "env:SHOWN_KEY"}
  local: {api: openai, base_url: "http://10.0.0.5:8000/v1", api_key: none, allow_http: true, free: true}
keys:
  - {name: ann, secret: "env:SHOWN_SECRET", user: ann@example.com, groups: [eng], metadata: {team: ml}, priority: batch}
  - name: job
    secret: "env:SHOWN_JOB"
    service: nightly
    gateways: [default]
    custom_cost: true
    enabled: false
    expires_at: 2030-01-01T00:00:00Z
gateways:
  - {slug: open, authentication: none, provider_keys: caller}
budgets:
  - {name: company, limit: "20000", window: {period: month, timezone: Europe/Berlin}, alerts: [50, 100], carry_over: "250"}
  - name: each
    parent: company
    limit: "50"
    window: {period: day}
    split_by: [user]
    guarantee: expected
    on_unpriced: ceiling
    overrides:
      - {user: "ann@example.com", limit: "500"}
      - {user: "root@example.com", limit: unlimited}
    actions:
      - {at: 80, do: warn}
      - {at: 85, do: slow, delay_ms: 1500, where: {model: openai/gpt-4o}}
      - {at: 90, do: block, priority: batch}
      - {at: 100, do: downgrade, to: openai/gpt-4o-mini}
channels:
  ops: {webhook: "https://hooks.example.com/canary/secret", secret: "env:SHOWN_HOOK", allow_private: true}
alerts:
  - {name: soon, when: forecast, budgets: [company], at: [100], channels: [ops]}
exports:
  - {id: nightly, name: Spend by team, what: spend, every: day, by: [metadata.team], to: {file: spend}, timezone: Europe/Berlin}
  - id: raw
    what: logs
    every: 6h
    where: {gateway: default}
    bodies: true
    enabled: false
    to: {http: {url: "https://logs.example.com/canary/in"}}
  - {id: bill, what: focus, every: month, to: {s3: {bucket: bills, prefix: "ai/"}}}
administration:
  owner: {users: [ada@example.com]}
  developer: {groups: ["*"]}
  session_idle_s: 600
prices:
  - {provider: openai, model: "gpt-4o", discount: "15%"}
  - {provider: openai, model: "our-*", input: "2", output: "8"}
"""


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("SHOWN_KEY", "SHOWN_SECRET", "SHOWN_JOB"):
        monkeypatch.setenv(name, f"{name.lower().replace('_', '-')}-canary-0123456789")
    # Base64 of nothing secret.
    monkeypatch.setenv("SHOWN_HOOK", "whsec_" + "Y2FuYXJ5" * 4)
    (tmp_path / "tollway.yaml").write_text(SETTINGS)
    result = CliRunner(env={"COLUMNS": "400"}).invoke(app, ["check", "--config", str(tmp_path / "tollway.yaml")])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    "line",
    [
        "  local (openai API at http://10.0.0.5:8000/v1, without a key, without TLS)",
        "  ann: user ann@example.com; groups eng; metadata.team ml; priority batch",
        "  job: service nightly; only on gateway default; may say what its requests cost; until 2030-01-01 00:00 UTC; switched off",
        "  default: asks for a key",
        "  open: asks for no key; a provider key that the caller sends is used",
        "  company: $20,000.00 (calendar month, Europe/Berlin); carries up to $250.00 over; tells at 50, 100 %; refuses at the limit",
        "  each: $50.00 (calendar day, UTC); each user apart; inside company; user ann@example.com may spend $500.00; "
        "user root@example.com has no limit; at 80 % warns; at 85 % waits 1,500 ms (where model is openai/gpt-4o); "
        "at 90 % blocks (priority batch and below); at 100 % has openai/gpt-4o-mini serve instead; guarantee expected; "
        "models without a price: ceiling; refuses at the limit",
        "  soon: forecast of company; at 100 %; to ops",
        "  ops: webhook https://hooks.example.com/…; what names no channel goes there; private addresses allowed",
        "  nightly (Spend by team): spend as ndjson.gz to folder spend; calendar day, Europe/Berlin; by metadata.team, days of "
        "Europe/Berlin",
        "  raw: logs as ndjson.gz to https://logs.example.com/…; every 6 hours, counted from 1970-01-01 00:00 UTC; where gateway is "
        "default; with bodies; switched off",
        "  bill: focus as csv.gz to bucket bills, under ai; calendar month, UTC",
        "  owner: users ada@example.com",
        "  developer: groups *",
        "  sessions end 600 s after the last request, or after 43,200 s; 20 keys of their own at most for everybody who may make some",
        "  openai/gpt-4o: 85.00 % of the list price",
        "  openai/our-*: input $2.00 per 1,000,000, output $8.00 per 1,000,000",
    ],
)
def test_check_says_everything_that_it_understood(shown: str, line: str) -> None:
    assert line in shown.splitlines()


def test_check_warns_of_what_reaches_into_the_own_network(shown: str) -> None:
    assert 'Warning: Channel "ops" may call private addresses (allow_private)' in shown
    assert 'Warning: Provider "local" is reached without TLS at a private address' in shown


def test_check_shows_no_secret(shown: str) -> None:
    assert "canary" not in shown


def test_what_is_not_there_takes_no_room(tmp_path: Path) -> None:
    (tmp_path / "tollway.yaml").write_text("providers: {}")
    result = CliRunner().invoke(app, ["check", "--config", str(tmp_path / "tollway.yaml")])
    lines = result.output.splitlines()
    assert lines[1:6] == ["Providers: none", "Keys: none", "Gateways:", "  default: asks for a key", "Budgets: none"]
    assert "Alerts: none" in lines and not any(
        line.startswith(("Channels", "Prices", "Exports", "Administration")) for line in lines
    )
