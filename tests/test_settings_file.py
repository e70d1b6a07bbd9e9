import errno
import os
import stat
from pathlib import Path

import pytest

from tollway.errors import SettingsInvalid
from tollway.settings_file import NotWritten, as_read, replace_text, text_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "tollway.yaml"
    made.write_bytes(b"a: 1\r\n")
    return made


def test_the_text_has_the_files_own_ends_of_lines(path: Path) -> None:
    assert text_of(path) == "a: 1\r\n"
    assert as_read(text_of(path)) == path.read_text()


@pytest.mark.parametrize("make", [lambda path: path.unlink(), lambda path: path.write_bytes(b"\xff")])
def test_a_file_that_is_no_text_is_told(path: Path, make: object) -> None:
    make(path)  # type: ignore[operator]
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        text_of(path)


def test_a_replaced_file_keeps_its_mode_its_owner_and_the_link_to_it(path: Path) -> None:
    path.chmod(0o640)
    before = path.stat()
    link = path.parent / "link.yaml"
    link.symlink_to(path)
    replace_text(link, "a: 1\r\n", "a: 2\r\n")
    after = path.stat()
    assert path.read_bytes() == b"a: 2\r\n"
    assert link.is_symlink()
    assert (stat.S_IMODE(after.st_mode), after.st_uid, after.st_gid) == (0o640, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino
    assert sorted(each.name for each in path.parent.iterdir()) == ["link.yaml", "tollway.yaml"]


def test_a_file_that_says_something_else_by_now_is_left_alone(path: Path) -> None:
    with pytest.raises(NotWritten, match="changed meanwhile"):
        replace_text(path, "a: 0\n", "a: 2\n")
    assert path.read_bytes() == b"a: 1\r\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_read_only_file_is_left_alone_though_it_could_be_replaced(path: Path) -> None:
    path.chmod(0o444)
    with pytest.raises(NotWritten, match="is read-only; make it writable"):
        replace_text(path, "a: 1\r\n", "a: 2\n")
    assert path.read_bytes() == b"a: 1\r\n"


@pytest.mark.parametrize("code", [errno.EBUSY, errno.EROFS, errno.EACCES])
def test_a_file_that_cannot_be_replaced_is_told_with_the_way_out(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(_: Path, __: Path) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(NotWritten, match=f"{os.strerror(code)}. Mount its folder writable"):
        replace_text(path, "a: 1\r\n", "a: 2\n")
    assert path.read_bytes() == b"a: 1\r\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_gone_is_told(path: Path) -> None:
    path.unlink()
    with pytest.raises(NotWritten, match="No such file"):
        replace_text(path, "", "a: 2\n")
