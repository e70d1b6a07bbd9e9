import stat
from pathlib import Path

import pytest

from tollway.cli import settings_file
from tollway.errors import SettingsInvalid
from tollway.identity.keys import is_well_formed


def test_a_key_that_is_written_twice_is_an_error() -> None:
    with pytest.raises(SettingsInvalid, match='the key "openai" is written twice'):
        settings_file.parse("providers:\n  openai: {}\n  openai: {}\n")


@pytest.mark.parametrize(
    "text", ["keys: [", "? [a]\n: b", "a: !!python/object:os.system {}", "a: &x [*x]", "\x00", "a: b: c"]
)
def test_what_is_no_plain_yaml_is_settings_invalid(text: str) -> None:
    with pytest.raises(SettingsInvalid):
        settings_file.parse(text)


def test_secrets_come_from_variables_and_files(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_text("from-the-file\n")
    warnings: list[str] = []
    resolve = settings_file.resolver(tmp_path, {"A_KEY": "from-the-variable", "EMPTY": ""}, warnings.append)
    assert resolve("env:A_KEY", "x") == "from-the-variable"
    assert resolve("file:a.key", "x") == "from-the-file"
    assert resolve("none", "x") == "none"
    assert warnings == []
    assert resolve("a-literal", "keys.x") == "a-literal"
    (warning,) = warnings
    assert "keys.x" in warning
    assert "a-literal" not in warning
    for missing in ("env:NOT_SET", "env:EMPTY", "file:none.key"):
        with pytest.raises(SettingsInvalid):
            resolve(missing, "x")


def test_only_a_providers_missing_variable_is_let_pass(tmp_path: Path) -> None:
    lenient = settings_file.without_missing_keys(settings_file.resolver(tmp_path, {}))
    assert lenient("env:OPENAI_API_KEY", "providers.openai.api_key") == ""
    for reference, where in (("env:ALICE", 'key "alice", secret'), ("file:none", "providers.openai.api_key")):
        with pytest.raises(SettingsInvalid):
            lenient(reference, where)


def test_first_settings_parse_and_name_the_providers_there_are_keys_for() -> None:
    assert set(settings_file.parse(settings_file.first_settings()).providers) == {"openai", "anthropic", "google"}
    assert set(settings_file.parse(settings_file.first_settings({"GEMINI_API_KEY": "x"})).providers) == {"google"}
    assert set(settings_file.parse(settings_file.first_settings({})).providers) == {"openai"}


def test_a_first_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    key = settings_file.make_first(tmp_path / "data", tmp_path / "data" / "tollway.yaml")
    assert is_well_formed(key)
    assert (tmp_path / "data" / "first.key").read_text() == key + "\n"
    assert stat.S_IMODE((tmp_path / "data" / "first.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_mistake_in_a_file_is_told_with_its_name_and_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("keys: [\n")
    with pytest.raises(SettingsInvalid, match=r"mine\.yaml.*line 2"):
        settings_file.read(path)


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_emptied_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(SettingsInvalid, match="is empty"):
        settings_file.read(path)
