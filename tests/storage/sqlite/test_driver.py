"""The part of apsw that is used is there, and does what its types say."""

import inspect
from pathlib import Path

import apsw
import pytest

from tollway.storage.sqlite import driver
from tollway.storage.sqlite.driver import connect


def test_apsw_has_everything_that_is_promised_of_it(tmp_path: Path) -> None:
    connection = connect(tmp_path / "x.db")
    for name in vars(driver.Connection):
        if not name.startswith("_"):
            assert hasattr(connection, name), name
    connection.close()


def test_a_file_is_made_unless_it_is_only_read_or_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    for options in ({"read_only": True}, {"create": False}):
        with pytest.raises(apsw.CantOpenError):
            connect(path, **options)
        assert not path.exists()
    connect(path).close()
    assert path.exists()
    connect(path, create=False).close()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with connect(path) as writing:
        writing.execute("CREATE TABLE t (x)")
    reading = connect(path, read_only=True)
    assert reading.execute("SELECT count(*) FROM t").get == 0
    with pytest.raises(apsw.ReadOnlyError):
        reading.execute("INSERT INTO t VALUES (1)")
    reading.close()
    writing.close()


def test_a_connection_as_a_context_is_a_transaction(tmp_path: Path) -> None:
    connection = connect(tmp_path / "x.db")
    connection.execute("CREATE TABLE t (x)")
    with connection:
        connection.execute("INSERT INTO t VALUES (1)")
        assert connection.in_transaction
    with pytest.raises(RuntimeError), connection:
        connection.execute("INSERT INTO t VALUES (2)")
        raise RuntimeError
    assert not connection.in_transaction
    assert connection.execute("SELECT x FROM t").fetchall() == [(1,)]
    connection.close()


def test_one_value_is_got_and_none_where_there_is_no_row(tmp_path: Path) -> None:
    connection = connect(tmp_path / "x.db")
    assert connection.execute("SELECT ?", ("x",)).get == "x"
    assert connection.execute("SELECT 1 WHERE FALSE").get is None
    assert connection.execute("SELECT 1 WHERE FALSE").fetchone() is None
    connection.close()


def test_what_is_used_of_apsw_is_told_in_one_place() -> None:
    assert inspect.getdoc(driver.Connection)
    assert inspect.getdoc(connect) == "Opens a database file. Raises apsw.Error."
