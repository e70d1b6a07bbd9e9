"""A connection to PostgreSQL as the statements for SQLite need one."""

import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.postgres import PostgresServer

from tollway.storage.postgres import driver
from tollway.storage.postgres.driver import FAILURES, Connection, asyncpg, code_of

TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"))
NUMBER = st.integers(-(2**63), 2**63 - 1)


@pytest.fixture
def connection(postgres_url: str) -> Iterator[Connection]:
    made = Connection(postgres_url, use="writing")
    made.script("CREATE TABLE t (id BIGSERIAL PRIMARY KEY, n BIGINT, s TEXT, b BYTEA)")
    yield made
    made.close()


def rows(connection: Connection) -> list[Any]:
    return connection.execute("SELECT n FROM t ORDER BY n").fetchall()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(n=st.one_of(NUMBER, st.none()), s=st.one_of(TEXT, st.none()), b=st.one_of(st.binary(), st.none()))
def test_what_is_written_is_read_back_the_same(connection: Connection, n: object, s: object, b: object) -> None:
    (made,) = connection.execute("INSERT INTO t (n, s, b) VALUES (?, ?, ?) RETURNING id", (n, s, b)).fetchone()
    found = connection.execute("SELECT n, s, b FROM t WHERE id = ?", (made,)).fetchone()
    assert found == (n, s, b)
    assert tuple(map(type, found)) == (type(n), type(s), type(b))


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
def test_a_number_beyond_64_bits_is_refused_and_nothing_is_broken(connection: Connection, value: int) -> None:
    with pytest.raises(OverflowError, match="more than 64 bits hold"):
        connection.execute("INSERT INTO t (n) VALUES (?)", (value,))
    with pytest.raises(OverflowError):
        connection.executemany("INSERT INTO t (n) VALUES (?)", [(1,), (value,)])
    with pytest.raises(OverflowError):
        connection.copy("t", ["n"], [(1,), (value,)])
    assert rows(connection) == []


def test_half_a_surrogate_pair_is_refused_and_nothing_is_broken(connection: Connection) -> None:
    with pytest.raises((*FAILURES, UnicodeEncodeError)):
        connection.execute("INSERT INTO t (s) VALUES (?)", ("\ud800",))
    assert rows(connection) == []
    assert not connection.in_transaction


def test_the_character_that_its_texts_cannot_hold_is_a_picture(connection: Connection) -> None:
    connection.execute("INSERT INTO t (s) VALUES (?)", ("a\x00b",))
    assert connection.execute("SELECT s FROM t WHERE s = ?", ("a\x00b",)).get == "a␀b"


def test_the_rows_of_an_answer(connection: Connection) -> None:
    cursor = connection.execute("SELECT column1, column2 FROM (VALUES (1, 'a'), (2, 'b')) AS v ORDER BY 1")
    assert cursor.get == 1
    assert list(cursor) == cursor.fetchall() == [(1, "a"), (2, "b")]
    assert [cursor.fetchone() for _ in range(3)] == [(1, "a"), (2, "b"), None]
    nothing = connection.execute("SELECT 1 WHERE false")
    assert (nothing.get, nothing.fetchone(), nothing.fetchall()) == (None, None, [])


def test_a_sum_of_whole_numbers_is_whole_however_large(connection: Connection) -> None:
    connection.executemany("INSERT INTO t (n) VALUES (?)", [(2**63 - 1,)] * 3)
    total = connection.execute("SELECT sum(n) FROM t").get
    assert total == 3 * (2**63 - 1)
    assert type(total) is int
    assert str(connection.execute("SELECT 1.5::numeric").get) == "1.5"


def test_rows_that_changed_are_counted(connection: Connection) -> None:
    def changed(do: Any) -> int:
        before = connection.total_changes()
        do()
        return connection.total_changes() - before

    assert changed(lambda: connection.execute("INSERT INTO t (n) VALUES (1), (2)")) == 2
    assert changed(lambda: connection.executemany("INSERT INTO t (n) VALUES (?)", [(3,), (4,), (5,)])) == 3
    assert changed(lambda: connection.execute("UPDATE t SET s = 'x' WHERE n > ?", (3,))) == 2
    assert changed(lambda: connection.execute("INSERT INTO t (id) VALUES (1) ON CONFLICT DO NOTHING")) == 0
    assert changed(lambda: connection.executemany("DELETE FROM t WHERE n = ?", [(1,), (1,), (9,)])) == 1
    assert changed(lambda: connection.execute("DELETE FROM t")) == 4
    assert changed(lambda: connection.execute("SELECT 1")) == 0
    assert changed(lambda: connection.executemany("DELETE FROM t WHERE n = ?", [])) == 0


def test_as_a_context_it_is_a_transaction_and_one_inside_of_it_can_be_undone_alone(connection: Connection) -> None:
    with connection:
        assert connection.in_transaction
        connection.execute("INSERT INTO t (n) VALUES (1)")
        with pytest.raises(ValueError, match="no"), connection:
            connection.execute("INSERT INTO t (n) VALUES (2)")
            raise ValueError("no")
        with connection:
            connection.execute("INSERT INTO t (n) VALUES (3)")
    assert not connection.in_transaction
    assert rows(connection) == [(1,), (3,)]
    with pytest.raises(asyncpg.UniqueViolationError), connection:
        connection.execute("INSERT INTO t (n) VALUES (4)")
        connection.execute("INSERT INTO t (id, n) VALUES (1, 5)")
    assert rows(connection) == [(1,), (3,)]
    assert not connection.in_transaction


def test_a_transaction_whose_connection_is_lost_behind_its_last_statement_says_so(connection: Connection) -> None:
    with pytest.raises(FAILURES), connection:
        connection.execute("INSERT INTO t (n) VALUES (1)")
        connection._connection.terminate()
    assert connection.lost and not connection.in_transaction


def test_what_failed_inside_of_a_lost_transaction_is_told_as_it_is(connection: Connection) -> None:
    with pytest.raises(ValueError, match="mine"), connection:
        connection._connection.terminate()
        raise ValueError("mine")


def test_one_that_reads_cannot_write_and_sees_one_state_throughout(postgres_url: str, connection: Connection) -> None:
    reading = Connection(postgres_url, use="reading")
    with reading:
        assert rows(reading) == []
        connection.execute("INSERT INTO t (n) VALUES (1)")
        assert rows(reading) == []
    assert rows(reading) == [(1,)]
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError) as refused:
        reading.execute("INSERT INTO t (n) VALUES (2)")
    assert code_of(refused.value) == "25006"
    reading.close()


def test_more_statements_than_are_kept_prepared_are_prepared_again(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "_PREPARED", 10)
    for number in [*range(30), *range(30)]:
        assert connection.execute(f"SELECT {number} + ?", (1,)).get == number + 1
    assert len(connection._prepared) == 10
    # What nobody has is closed there with the next one.
    assert connection.execute("SELECT count(*) FROM pg_prepared_statements").get <= 12


def test_any_thread_may_use_it_one_at_a_time(connection: Connection) -> None:
    with ThreadPoolExecutor(2) as threads:
        for number in range(10):
            assert (
                threads.submit(lambda number=number: connection.execute("SELECT ?", (number,)).get).result() == number
            )


def test_an_answer_means_that_it_is_on_the_disk_of_the_server(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    for usual, found in (("off", "on"), ("local", "local"), ("remote_apply", "remote_apply")):
        postgres_server.ask(f"ALTER ROLE tollway SET synchronous_commit = {usual}")
        try:
            made = Connection(postgres_url, use="writing")
        finally:
            postgres_server.ask("ALTER ROLE tollway RESET synchronous_commit")
        assert made.execute("SELECT current_setting('synchronous_commit')").get == found
        made.close()


@pytest.mark.parametrize("use", ["reading", "writing"])
def test_no_patience_of_the_server_ends_what_is_asked_or_held(
    postgres_server: PostgresServer, postgres_url: str, use: Literal["reading", "writing"]
) -> None:
    names = ("statement_timeout", "idle_in_transaction_session_timeout")
    for name in names:
        postgres_server.ask(f"ALTER ROLE tollway SET {name} = '50ms'")
    try:
        made = Connection(postgres_url, use=use)
    finally:
        for name in names:
            postgres_server.ask(f"ALTER ROLE tollway RESET {name}")
    found = [made.execute(f"SELECT current_setting('{name}')").get for name in names]
    assert found == ["0", "0"]
    made.close()


@pytest.mark.parametrize("use", ["reading", "writing"])
def test_of_several_servers_the_one_that_takes_writes_is_read_too(
    postgres_url: str, use: Literal["reading", "writing"], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Connection(f"{postgres_url}?target_session_attrs=read-write&connect_timeout=5&keepalives=1", use=use)
    assert made.execute("SELECT 1").get == 1
    made.close()
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "read-write")
    made = Connection(postgres_url, use=use)
    made.close()


def test_options_of_the_environment_hold_where_the_url_has_none(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c search_path=ours")
    for url, expected in ((postgres_url, "ours"), (f"{postgres_url}?options=-csearch_path%3Dtheirs", "theirs")):
        made = Connection(url, use="reading")
        assert made.execute("SELECT current_setting('search_path')").get == expected
        made.close()


def test_this_machine_notices_within_a_minute_that_the_server_is_gone(connection: Connection) -> None:
    reached = connection._connection._transport.get_extra_info("socket")
    assert reached.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    if not sys.platform.startswith("linux"):
        pytest.skip("what stands for these is another thing elsewhere")
    idle, between, times, unheard = [
        reached.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
        for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
    ]
    assert idle + between * times <= 60
    assert 0 < unheard <= 60_000


def test_what_is_let_go_of_is_closed_at_once_and_what_is_closed_stays_so(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    made = Connection(postgres_url, use="writing")
    assert postgres_server.connections(postgres_url) == 1
    made.abandon()
    assert made.lost
    assert not made.answers()
    while postgres_server.connections(postgres_url):
        pass
    with pytest.raises(FAILURES):
        made.execute("SELECT 1")
    made.close()
    made.close()
    assert made.lost


def test_a_statement_that_takes_too_long_is_given_up(postgres_server: PostgresServer, postgres_url: str) -> None:
    made = Connection(postgres_url, use="writing")
    # Not before: whoever is busy may take longer than that to let somebody in.
    made.wait_at_most(0.05)
    with pytest.raises(TimeoutError):
        made.execute("SELECT pg_sleep(20)")
    made.abandon()
    made.close()
    # The server is told that nobody waits, or notices it.
    postgres_server.disconnect(postgres_url)
    assert postgres_server.connections(postgres_url) == 0


def test_a_connection_that_the_server_dropped_does_not_answer(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    made = Connection(postgres_url, use="reading")
    assert made.answers()
    assert postgres_server.disconnect(postgres_url) == 1
    assert not made.answers()
    assert made.lost
    made.close()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("postgresql://tollway@127.0.0.1:1/x", "Connect call failed"),
        ("postgresql://tollway@127.0.0.1:PORT/nowhere", 'database "nowhere" does not exist'),
        ("postgresql://nobody-here@127.0.0.1:PORT/x", 'role "nobody-here" does not exist'),
        ("postgresql://tollway@127.0.0.1:PORT/postgres?target_session_attrs=standby", ""),
    ],
)
def test_a_server_that_does_not_let_us_in_is_a_failure(postgres_server: PostgresServer, wrong: str, told: str) -> None:
    with pytest.raises(FAILURES) as failed:
        Connection(wrong.replace("PORT", str(postgres_server.port)), use="reading")
    assert told in str(failed.value)
