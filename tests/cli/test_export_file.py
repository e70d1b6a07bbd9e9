import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tollway.cli.client import Client, Refused, Unreachable
from tollway.cli.export_file import Wanted, export_file, form_of, span


def wanted(what: str = "entries", **fields: str) -> Wanted:
    names = ("from", "to") if what in ("analytics", "focus") else ("since", "until")
    empty = Wanted(what, [], *names, output="-", month=None, since=None, until=None, where=[], form=None)
    return empty._replace(**fields)


@pytest.mark.parametrize(
    ("given", "output", "form"),
    [
        (None, "-", "csv"),
        (None, "a.parquet", "parquet"),
        (None, "A.NDJSON", "ndjson"),
        (None, "spend.txt", "csv"),
        ("parquet", "spend.csv", "parquet"),
    ],
)
def test_the_form_is_what_is_asked_for_or_what_the_file_is_called(given: str | None, output: str, form: str) -> None:
    assert form_of(given, output) == form


def test_a_form_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="csv, parquet, ndjson"):
        form_of("xlsx", "-")


def test_a_month_is_asked_for_as_each_export_takes_it() -> None:
    assert span(wanted("focus", month="2026-12")) == [("month", "2026-12")]
    assert span(wanted("analytics", month="2026-12")) == [("from", "2026-12-01"), ("to", "2027-01-01")]
    assert span(wanted("logs", month="2026-02")) == [
        ("since", "2026-02-01T00:00:00Z"),
        ("until", "2026-03-01T00:00:00Z"),
    ]
    assert span(wanted("logs")) == []
    assert span(wanted("focus", since="2026-10-01")) == [("from", "2026-10-01T00:00:00+00:00")]


@pytest.mark.parametrize("month", ["2026", "2026-13", "2026-1", "0000-01", "9999-12"])
def test_what_is_no_month_is_refused(month: str) -> None:
    with pytest.raises(ValueError, match="write 2026-10"):
        span(wanted(month=month))


def test_a_month_and_a_range_are_not_asked_for_together() -> None:
    with pytest.raises(ValueError, match="not both"):
        span(wanted(month="2026-10", until="24h"))


class Broken(BaseHTTPRequestHandler):
    """Says that more follows, and closes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nhello\r\n")
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def broken() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Broken) as server:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_a_file_that_breaks_off_is_no_file(broken: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Refused, match="broke off after 5 bytes"):
        Client(broken, "secret").download("/api/v1/exports/entries", [], io.BytesIO())
    target = tmp_path / "entries.csv"
    target.write_text("of yesterday")
    assert export_file(wanted(output=str(target)), broken, "secret", str(tmp_path / "data")) == 1
    assert "broke off" in capsys.readouterr().err
    assert target.read_text() == "of yesterday"
    assert [each.name for each in tmp_path.iterdir()] == [target.name]


def test_where_no_gateway_is_that_is_said() -> None:
    with pytest.raises(Unreachable, match="No gateway answers"):
        Client("http://127.0.0.1:9", "secret").download("/api/v1/exports/entries", [("format", "csv")], io.BytesIO())
