"""Where the command line keeps logins."""

import json
import multiprocessing
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from tollway.cli.logins import Kept, Logins, LoginsUnusable, find_logins, system_keyring


def kept(url: str = "https://ai.example.com", **fields: Any) -> Kept:
    return Kept(
        **{
            "url": url,
            "token_endpoint": f"{url}/oauth/token",
            "user": "alice@example.com",
            "access_token": "twa_access-canary",
            "refresh_token": "twr_refresh-canary",
            "ends_at": 100,
            "lasts_s": 50,
            **fields,
        }
    )


class Ring:
    """A keyring in memory."""

    def __init__(self, fails: bool = False, forgets: bool = False) -> None:
        self.held: dict[tuple[str, str], str] = {}
        self._fails = fails
        self._forgets = forgets

    def get_password(self, service_name: str, username: str) -> str | None:
        return self.held.get((service_name, username))

    def set_password(self, service_name: str, username: str, password: str) -> None:
        if self._fails:
            raise OSError("no D-Bus")
        if not self._forgets:
            self.held[service_name, username] = password

    def delete_password(self, service_name: str, username: str) -> None:
        del self.held[service_name, username]


def put(logins: Logins, one: Kept) -> None:
    with logins.locked():
        logins.put(one)


def test_without_a_keyring_tokens_are_in_a_file_of_the_owner_alone(tmp_path: Path) -> None:
    logins = Logins(tmp_path / "new")
    put(logins, kept())
    assert logins.find(None) == kept()
    assert logins.find("https://ai.example.com") == kept()
    assert logins.find("https://other.example.com") is None
    for path in (tmp_path / "new").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["logins.json", "logins.lock"]
    assert "canary" not in repr(kept())


def test_with_a_keyring_no_token_is_in_the_file(tmp_path: Path) -> None:
    ring = Ring()
    logins = Logins(tmp_path, lambda: ring)
    put(logins, kept())
    assert "canary" not in (tmp_path / "logins.json").read_text()
    found = logins.find(None)
    assert found is not None
    assert (found.access_token, found.refresh_token, found.in_keyring) == (
        "twa_access-canary",
        "twr_refresh-canary",
        True,
    )
    assert Logins(tmp_path).find(None) is None, "without that keyring nobody is signed in"
    with logins.locked():
        logins.drop("https://ai.example.com")
    assert ring.held == {}
    assert logins.find(None) is None


@pytest.mark.parametrize("ring", [Ring(fails=True), Ring(forgets=True)])
def test_a_keyring_that_keeps_nothing_is_not_relied_on(tmp_path: Path, ring: Ring) -> None:
    logins = Logins(tmp_path, lambda: ring)
    put(logins, kept())
    assert logins.find(None) == kept()


def test_a_keyring_is_looked_for_only_when_it_is_needed(tmp_path: Path) -> None:
    put(Logins(tmp_path), kept())

    def never() -> None:
        raise AssertionError("it was looked for")

    assert Logins(tmp_path, never).find(None) == kept()


def test_the_gateway_that_was_signed_in_at_last_is_the_one_that_is_meant(tmp_path: Path) -> None:
    logins = Logins(tmp_path)
    put(logins, kept("https://a.example.com"))
    put(logins, kept("https://b.example.com"))
    assert logins.find(None) == kept("https://b.example.com")
    with logins.locked():
        logins.drop("https://b.example.com")
    assert logins.find(None) == kept("https://a.example.com")


def test_refreshing_a_token_changes_nothing_of_which_gateway_is_meant(tmp_path: Path) -> None:
    logins = Logins(tmp_path)
    put(logins, kept("https://a.example.com"))
    put(logins, kept("https://b.example.com"))
    with logins.locked():
        logins.put(kept("https://a.example.com", access_token="fresh"), renewed=True)
    assert logins.find(None) == kept("https://b.example.com")
    assert logins.find("https://a.example.com") == kept("https://a.example.com", access_token="fresh")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such modes")
def test_a_file_that_others_can_read_is_closed_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logins = Logins(tmp_path)
    put(logins, kept())
    (tmp_path / "logins.json").chmod(0o644)
    assert logins.find(None) == kept()
    assert "could be read by others" in capsys.readouterr().err
    assert stat.S_IMODE((tmp_path / "logins.json").stat().st_mode) == 0o600
    assert logins.find(None) == kept()
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_stays_one_and_no_token_is_left_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    logins = Logins(tmp_path)
    put(logins, kept())
    real = tmp_path / "elsewhere" / "real.json"
    (tmp_path / "logins.json").rename(real)
    (tmp_path / "logins.json").symlink_to(real)
    with logins.locked():
        logins.drop("https://ai.example.com")
    assert (tmp_path / "logins.json").is_symlink()
    assert "canary" not in real.read_text()


def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "logins.json").write_text("not ours")
    logins = Logins(tmp_path)
    with pytest.raises(LoginsUnusable, match=r"logins\.json is not what tollway wrote; move it away"):
        put(logins, kept())
    assert (tmp_path / "logins.json").read_text() == "not ours"


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LoginsUnusable, match="Set TOLLWAY_LOGINS"), Logins(tmp_path / "file").locked():
        pass


def test_a_writer_that_dies_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logins = Logins(tmp_path)
    put(logins, kept())
    before = (tmp_path / "logins.json").read_text()

    def dies(_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tollway.cli.logins.os.fsync", dies)
    with pytest.raises(LoginsUnusable, match="No space left"):
        put(logins, kept(access_token="another"))
    assert (tmp_path / "logins.json").read_text() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".logins")] == []


def _add(folder: str, number: int) -> None:
    logins = Logins(Path(folder))
    for _ in range(10):
        with logins.locked():
            found = logins.find("https://ai.example.com")
            assert found is not None
            logins.put(kept(ends_at=found.ends_at + 1))


def test_processes_change_it_one_after_the_other(tmp_path: Path) -> None:
    put(Logins(tmp_path), kept(ends_at=0))
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    crowd = [context.Process(target=_add, args=(str(tmp_path), number)) for number in range(3)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(30)
    assert [one.exitcode for one in crowd] == [0, 0, 0]
    found = Logins(tmp_path).find(None)
    assert found is not None
    assert found.ends_at == 30


def test_a_folder_that_is_named_keeps_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLWAY_LOGINS", str(tmp_path / "here"))
    put(find_logins(), kept())
    assert "canary" in (tmp_path / "here" / "logins.json").read_text()
    monkeypatch.delenv("TOLLWAY_LOGINS")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("tollway.cli.logins.system_keyring", lambda: None)
    put(find_logins(), kept())
    assert json.loads((tmp_path / "config" / "tollway" / "logins.json").read_text())["default"]


def test_no_keyring_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert system_keyring() is None
