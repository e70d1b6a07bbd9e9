"""What a failure of the server means, and how it is told."""

import pytest

from tollway.storage.postgres.driver import FAILURES, asyncpg
from tollway.storage.postgres.troubles import is_defect, is_lost, said, way_out


@pytest.mark.parametrize(
    ("error", "lost", "defect"),
    [
        (asyncpg.ConnectionDoesNotExistError("x"), True, False),
        (asyncpg.AdminShutdownError("x"), True, False),
        (asyncpg.CannotConnectNowError("x"), True, False),
        (asyncpg.QueryCanceledError("x"), True, False),
        (asyncpg.InterfaceError("connection is closed"), True, False),
        (TimeoutError(), True, False),
        (ConnectionResetError("x"), True, False),
        (EOFError(), True, False),
        (asyncpg.DiskFullError("x"), False, False),
        (asyncpg.TooManyConnectionsError("x"), False, False),
        (asyncpg.ReadOnlySQLTransactionError("x"), False, False),
        (asyncpg.SerializationError("x"), False, False),
        (asyncpg.LockNotAvailableError("x"), False, False),
        (asyncpg.InvalidPasswordError("x"), False, False),
        (asyncpg.InvalidCatalogNameError("x"), False, False),
        (asyncpg.InsufficientPrivilegeError("x"), False, False),
        (asyncpg.IndexCorruptedError("x"), False, False),
        (asyncpg.UndefinedColumnError("x"), False, True),
        (asyncpg.UniqueViolationError("x"), False, True),
        (asyncpg.NumericValueOutOfRangeError("x"), False, True),
        (asyncpg.ProgramLimitExceededError("x"), False, True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_who_is_to_do_something_about_it(error: Exception, lost: bool, defect: bool) -> None:
    assert isinstance(error, FAILURES)
    assert (is_lost(error), is_defect(error)) == (lost, defect)


def test_what_it_says_is_one_line_without_what_rows_have_in_them() -> None:
    error = asyncpg.UniqueViolationError(
        "duplicate key value violates unique constraint.\nDETAIL: Key (user)=(ann) exists."
    )
    assert said(error) == "duplicate key value violates unique constraint"
    assert said(TimeoutError()) == "TimeoutError"
    assert said(OSError("no route to host")) == "OSError: no route to host"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionRefusedError("x"), "Check the URL of the database"),
        (asyncpg.InvalidCatalogNameError("x"), "Check the URL of the database"),
        (asyncpg.InvalidPasswordError("x"), "Check the role, its password"),
        (asyncpg.InvalidAuthorizationSpecificationError("x"), "Check the role, its password"),
        (asyncpg.InsufficientPrivilegeError("x"), "Have the role own the database or a schema of it"),
        (asyncpg.InvalidSchemaNameError("x"), "Make the schema"),
        (asyncpg.TooManyConnectionsError("x"), "max_connections"),
        (asyncpg.ReadOnlySQLTransactionError("x"), r"of several with \?target_session_attrs=primary"),
        (asyncpg.ProtocolViolationError("unsupported startup parameter: jit"), "A connection pooler answers there"),
        (asyncpg.ProtocolViolationError("transaction blocks not allowed in statement pooling mode"), "pooler"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_way_out_is_that_of_what_is_wrong(error: Exception, told: str) -> None:
    import re

    assert re.search(told, way_out(error))
