"""What a failure means: whether the server is gone, who has to do what about it, and how it is told."""

from typing import Final

from tollway.storage.postgres.driver import code_of

READ_ONLY: Final = "25006"
"""What a server says that only follows another, or was told to take nothing."""

_GONE: Final = ("08", "57")
"""The server, or the connection, is at its end."""

_DEFECTS: Final = ("0A", "21", "22", "23", "42", "54")
"""A statement, or a value in it, is none that the server takes: it would be the same on any day."""

_NOT_ALLOWED: Final = "42501"
_ANSWERS: Final = "Check the URL of the database, and that PostgreSQL answers there."
_WAYS_OUT: Final = {
    READ_ONLY: "This server takes nothing: give the one that is written to, of several with ?target_session_attrs=primary; or have "
    "default_transaction_read_only be off for the role and the database.",
    _NOT_ALLOWED: "Have the role own the database or a schema of it, or grant it what the tables need.",
    "3F000": "Make the schema that the role or the URL (search_path) names.",
    "53300": "All connections of the server are taken: allow more (max_connections); a gateway has ten.",
    "57014": "The server, or somebody who works at it, ended the question: ask again.",
    "28": "Check the role, its password, and whether the server lets it in from here (pg_hba.conf).",
}
_POOLER: Final = "A connection pooler answers there: give the address of PostgreSQL itself."


def is_lost(error: BaseException) -> bool:
    """Whether nobody can tell what became of a statement: its answer did not come, or the server was at its end."""
    code = code_of(error)
    return not code or code[:2] in _GONE


def is_defect(error: BaseException) -> bool:
    """Whether the server understood, and will say no again."""
    code = code_of(error)
    return code[:2] in _DEFECTS and code != _NOT_ALLOWED


def said(error: BaseException) -> str:
    """What an exception says, in a line; with its name where the server did not speak. Never what rows have in them."""
    line = str(error).partition("\n")[0].rstrip(".")
    return line if code_of(error) else f"{type(error).__name__}: {line}".rstrip(": ")


def way_out(error: BaseException) -> str:
    """What to look at where a server does not let a gateway in."""
    code = code_of(error)
    if "startup parameter" in str(error) or "pooling mode" in str(error):
        return _POOLER
    return _WAYS_OUT.get(code) or _WAYS_OUT.get(code[:2]) or _ANSWERS
