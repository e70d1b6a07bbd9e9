import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tollway.cli.commands import app
from tollway.cli.prices import price_settings
from tollway.errors import SettingsInvalid

TEXT = """\
providers:
  openai: {api_key: "env:A_VARIABLE_THAT_IS_NOT_SET"}
  azure: {api_key: "file:not-there", resource: mine, deployments: {prod: gpt-4o}}
  local: {api: openai, base_url: "http://127.0.0.1:1/v1"}
keys:
  - {name: a, secret: "env:NOT_SET_EITHER"}
  - {name: b, secret: "env:NOT_SET_EITHER"}
prices:
  - {provider: openai, model: "gpt-4o*", discount: "10%"}
  - {provider: local, model: "*", input: "1", output: "2"}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tollway.yaml"
    path.write_text(TEXT)
    return path


def run(*words: str, config: Path | None = None, columns: str = "400") -> Result:
    given = ["prices", *words, *(["--config", str(config)] if config is not None else [])]
    return CliRunner(env={"COLUMNS": columns}).invoke(app, given)


def test_a_list_has_every_meter_and_where_it_comes_from(config: Path) -> None:
    result = run("list", "--provider", "openai", "--model", "gpt-4o", config=config)
    assert result.exit_code == 0
    row = next(line for line in result.output.splitlines() if line.startswith("openai"))
    assert row.split()[:5] == ["openai", "gpt-4o", "2.25", "9", "1.125"]
    assert "web_search $22.5 per 1,000 searches" in row
    assert "priority, fast, batch" in row
    assert "genai-prices, changed by openai/gpt-4o*" in row


def test_a_list_shows_long_context_and_what_the_settings_alone_price(config: Path) -> None:
    long = run("list", "--provider", "anthropic", "--model", "claude-sonnet-4-5", config=config)
    assert "over 200,000: 6 / 22.5" in long.output
    own = run("list", "--provider", "local", config=config)
    assert "settings" in own.output and "Models: 1." in own.output


def test_the_price_lists_alone_do_without_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOLLWAY_CONFIG", raising=False)
    answer = json.loads(run("list", "--json").output)
    assert len(answer["items"]) > 4_000
    assert run("list", config=tmp_path / "none.yaml").exit_code == 2


def test_one_model_is_shown_whole(config: Path) -> None:
    result = run("show", "openai/gpt-4o", config=config)
    assert result.exit_code == 0
    for said in (
        "names     gpt-4o, gpt-4o-2024-08-06",
        "limits    context window 128,000 tokens, output at most 16,384 tokens",
        "override  openai/gpt-4o*, in prices: of the settings",
        "input        $2.25 per 1,000,000 tokens",
        "service tier batch",
        "on the public list, without the settings: genai-prices",
        "input        $2.5 per 1,000,000 tokens",
        "page      https://developers.openai.com/api/docs/pricing",
    ):
        assert said in result.output, said
    assert run("show", "azure/prod", config=config).output.startswith("azure/gpt-4o\n")
    daily = run("show", "deepseek/deepseek-v4-flash", config=config)
    assert "daily 01:00-04:00 UTC" in daily.output
    found = json.loads(run("show", "openai/gpt-4o", "--json", config=config).output)
    assert found["price"]["meters"][0]["amount_usd"] == "2.25"


def test_a_model_that_is_listed_without_a_price_shows_what_would_be_held(config: Path) -> None:
    listed = json.loads(run("list", "--json", config=config).output)["items"]
    name = next(f"{one['provider']}/{one['model']}" for one in listed if one["price"] is None)
    result = run("show", name, config=config)
    assert result.exit_code == 0
    assert "at the ceiling: ceiling" in result.output
    assert f"tollway prices override {name}" in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "openai/gpt-4o-mino"), "Near it: openai/gpt-4o-mini"),
        (("show", "gpt-4o"), "not of the form PROVIDER/MODEL"),
        (("list", "--provider", "nobody"), "knows nobody/*"),
        (("list", "--model", "none-such"), "knows */none-such"),
    ],
)
def test_what_nobody_knows_is_one_line_and_exit_code_1(config: Path, words: tuple[str, ...], said: str) -> None:
    result = run(*words, config=config)
    assert result.exit_code == 1
    assert said in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_disagreements_show_both_prices_and_which_is_used(config: Path) -> None:
    result = run("diff", "--provider", "bedrock", config=config)
    assert result.exit_code == 0
    row = next(line for line in result.output.splitlines() if "claude-fable-5 " in line and " input " in line)
    assert row.split() == [
        "aws-bedrock/anthropic.claude-fable-5",
        "input",
        "11",
        "10",
        "-9.1",
        "%",
        "11",
        "genai-prices",
    ]
    answer = json.loads(run("diff", "--json", config=config).output)
    assert len(answer["items"]) > 50


def test_a_price_that_the_lists_disagree_on_is_told_to_be_doubtful(config: Path) -> None:
    shown = run("show", "mistral/codestral-latest", config=config).output
    assert (
        "doubtful  cache_read of codestral-latest: genai-prices says $0.3 as input, litellm $0.03 per 1,000,000; "
        "charged is $0.3, as genai-prices says" in shown
    )
    assert "doubtful" not in run("show", "mistral/codestral-2508", config=config).output
    listed = run("list", "--provider", "mistral", "--model", "codestral*", config=config).output
    assert "The price lists disagree on 1 of them: tollway prices diff" in listed


def test_settings_that_cannot_be_used_are_one_line_and_exit_code_2(config: Path) -> None:
    config.write_text("prices: [{provider: openai}]")
    for words in (("list",), ("show", "openai/gpt-4o"), ("diff",)):
        result = run(*words, config=config)
        assert result.exit_code == 2
        assert result.output.startswith("Settings cannot be used: ")


def test_secrets_need_not_be_there_but_settings_must_be_right() -> None:
    assert price_settings(TEXT).book.price("openai", "gpt-4o", at_ms=0) is not None
    with pytest.raises(SettingsInvalid):
        price_settings(TEXT + "gateways: [{slug: a}, {slug: a}]\n")
