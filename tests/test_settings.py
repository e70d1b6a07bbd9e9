from pathlib import Path

import pytest

from tollway.errors import SettingsInvalid
from tollway.settings import SETTINGS, read_settings


def test_the_defaults_are_valid() -> None:
    settings = read_settings({}, {})
    assert (settings.host, settings.port, settings.data, settings.config) == (
        "127.0.0.1",
        8787,
        Path("tollway-data"),
        None,
    )
    assert (settings.durability, settings.drain_s, settings.drain_delay_s, settings.log_level) == (
        "relaxed",
        120,
        0,
        "info",
    )


def test_an_option_beats_the_environment_which_beats_the_default() -> None:
    environment = {"TOLLWAY_PORT": "1", "TOLLWAY_HOST": "::"}
    settings = read_settings({"port": "2", "host": None}, environment)
    assert (settings.port, settings.host) == (2, "::")


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_every_setting_is_read_from_its_environment_variable(row: object) -> None:
    sample = {
        "port": "1",
        "drain": "1",
        "drain_delay": "1",
        "durability": "strict",
        "log_level": "debug",
        "cache_size": "1",
        "cache_memory": "1",
        "log_retention_days": "1",
        "log_retention_rows": "1",
        "body_retention_days": "1",
        "body_retention_requests": "1",
        "bodies_size": "1",
        "metrics_series": "1",
        "metrics_accounts": "1",
        "database": "postgresql://tollway@db.example/tollway",
    }
    name, variable = row.name, row.environment  # type: ignore[attr-defined]
    value = sample.get(name, "elsewhere")
    field = {
        "drain": "drain_s",
        "drain_delay": "drain_delay_s",
        "cache_size": "cache_size_mb",
        "cache_memory": "cache_memory_mb",
        "bodies_size": "bodies_size_mb",
    }.get(name, name)
    assert str(getattr(read_settings({}, {variable: value}), field)) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "65536"), ("port", "-1"), ("port", "8o87"), ("port", "²"), ("port", "８７"), ("port", "1" * 5000),
        ("port", " 1"), ("port", "1.0"), ("drain", "86401"), ("drain_delay", "3601"), ("log_retention_days", "36501"),
        ("log_retention_rows", "many"), ("body_retention_days", "36501"), ("body_retention_requests", "-1"), ("bodies_size", "x"),
        ("durability", "off"), ("log_level", "loud"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_option(name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid) as refusal:
        read_settings({name: value}, {})
    assert f"--{name.replace('_', '-')}: {value!r}" in str(refusal.value)


def test_port_0_takes_any_free_one() -> None:
    assert read_settings({"port": "0"}, {}).port == 0


def test_the_folder_of_the_user_is_understood() -> None:
    assert read_settings({"data": "~/x"}, {}).data == Path.home() / "x"


def test_the_document_is_the_one_named_else_the_one_here_else_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = read_settings({"data": "d"}, {})
    assert own.document == Path("d/tollway.yaml") and own.lenient
    (tmp_path / "tollway.yaml").touch()
    assert own.document == Path("tollway.yaml") and not own.lenient
    named = read_settings({"data": "d", "config": "x.yaml"}, {})
    assert named.document == Path("x.yaml") and not named.lenient
    assert read_settings({"data": "d", "config": "d/tollway.yaml"}, {}).lenient


def test_each_setting_says_where_it_comes_from() -> None:
    origins = read_settings({"port": "9000"}, {"TOLLWAY_DRAIN_S": "7", "TOLLWAY_PORT": "8000"}).origins
    assert origins["port"] == ("9000", "option")
    assert origins["drain"] == ("7", "environment")
    assert origins["log_level"] == ("info", "default")
    assert list(origins) == [row.name for row in SETTINGS]


def test_the_url_of_a_database_is_shown_without_its_password_and_refused_without_any_of_it() -> None:
    read = read_settings({}, {"TOLLWAY_DATABASE_URL": "postgresql://me:hunter2@a:1,b:2/x?password=hunter2"})
    assert read.origins["database"] == ("postgresql://a:1,b:2/x", "environment")
    assert read.place == read.database == "postgresql://me:hunter2@a:1,b:2/x?password=hunter2"
    with pytest.raises(SettingsInvalid, match="--database: the URL cannot be used: it has more than one @") as refused:
        read_settings({"database": "postgresql://me:hunter2/@db/x"}, {})
    assert "hunter2" not in str(refused.value)
    assert read_settings({}, {}).place == read_settings({}, {}).data
