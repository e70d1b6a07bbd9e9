"""The URL of a database: read as its driver reads it, and never told with anything of its password."""

import pytest

from tollway.storage.postgres.url import Where, for_driver, read, without_password

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "hosts", "database"),
    [
        ("postgresql://me:hunter2@db.example:6543/spend?sslmode=require&password=hunter2", "db.example:6543", "spend"),
        ("postgres://db.example/spend", "db.example", "spend"),
        ("postgresql://me@[::1]:5/x", "[::1]:5", "x"),
        ("postgresql://me@[::1]/x", "[::1]", "x"),
        ("postgresql://me:hunter2@a:1,b:2,c/x?target_session_attrs=primary", "a:1,b:2,c", "x"),
        ("postgresql:///spend?host=/run/postgresql", "/run/postgresql", "spend"),
        ("postgresql://me:hunter2@/spend", "", "spend"),
        ("postgresql://me:hunter2@db/?dbname=spend", "db", "spend"),
        ("postgresql://me:hunter2%40%2F%3F%23@db/my%20spend", "db", "my spend"),
        ("postgresql://db/spend?options=-csearch_path%3Dours", "db", "spend"),
    ],
)
def test_where_it_leads_is_shown_without_its_password(url: str, hosts: str, database: str) -> None:
    assert read(url) == Where(hosts, database)
    assert without_password(url) == f"{hosts or 'localhost'}/{database}"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://me:hunter2@db/x", "does not begin with postgresql://"),
        ("postgresql:/me:hunter2@db/x", "does not begin with postgresql://"),
        ("hunter2", "does not begin with postgresql://"),
        ("postgresql://me:hunter2/y@db/x", "more than one @, or one behind its host"),
        ("postgresql://me:hunter2@y@db/x", "more than one @"),
        ("postgresql://me:hunter2?y@db/x", "its host and port are none"),
        ("postgresql://me:hunter2#y@db/x", "it has a # in it"),
        ("postgresql://me:[hunter2@db/x", "a bracket before its host"),
        ("postgresql://me:hunter2]@db/x", "a bracket before its host"),
        ("postgresql://me:hunter2 y@db/x", "characters that no URL has"),
        ("postgresql://me:hunter2\n@db/x", "characters that no URL has"),
        ("postgresql://me:hunter2é@db/x", "characters that no URL has"),
        ("postgresql://me:hunter2@db:hunter2/x", "its host and port are none"),
        ("postgresql://me:hunter2@db:0/x", "its host and port are none"),
        ("postgresql://me:hunter2@db:65536/x", "its host and port are none"),
        ("postgresql://me:hunter2@:5432/x", "its host and port are none"),
        ("postgresql://me:hunter2@[hunter2]/x", "its host and port are none"),
        ("postgresql://me:hunter2@[::1]hunter2/x", "its host and port are none"),
        ("postgresql://me:hunter2@a,,b/x", "its host and port are none"),
        ("postgresql://me@db/x?hunter2", "no list of name=value"),
        ("postgresql://me:hunter2@db", "it names no database"),
        ("postgresql://me:hunter2@db/", "it names no database"),
        ("postgresql://me:hunter2@db?sslmode=require", "it names no database"),
    ],
)
def test_what_is_written_wrongly_is_told_without_anything_of_it(url: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as refused:
        read(url)
    assert SECRET not in str(refused.value)
    assert without_password(url) == "a URL that cannot be read"


def test_a_password_that_breaks_its_url_is_told_how_to_write_it() -> None:
    with pytest.raises(ValueError, match="In a password write @ as %40, / as %2F"):
        read("postgresql://me:a/b@db/x")


@pytest.mark.parametrize(
    ("url", "handed_on"),
    [
        ("postgresql://me:p%40ss@db/x", "postgresql://me:p%40ss@db/x"),
        (
            "postgresql://db/x?connect_timeout=3&sslmode=require&keepalives=1&gssencmode=disable&channel_binding=prefer",
            "postgresql://db/x?sslmode=require",
        ),
        ("postgresql://db/x?keepalives_idle=30&client_encoding=utf8", "postgresql://db/x"),
        (
            "postgresql://db/x?options=-csearch_path%3Dours&geqo=off",
            "postgresql://db/x?options=-csearch_path%3Dours&geqo=off",
        ),
    ],
)
def test_what_libpq_alone_understands_is_not_handed_on_to_the_server(url: str, handed_on: str) -> None:
    assert for_driver(url) == handed_on


def test_a_binding_that_cannot_be_held_is_refused_with_what_can() -> None:
    with pytest.raises(ValueError, match=r"channel_binding=require cannot be held.*sslmode=verify-full"):
        read("postgresql://me:hunter2@db/x?channel_binding=require")
