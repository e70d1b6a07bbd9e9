"""Opening sealed files: what was sealed comes back, and what was tampered with is told and not printed."""

import gzip
import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.exports.test_sealed import PRIVATE, private_pem

from tollway.cli.export_jobs_opened import PASSPHRASE, print_opened
from tollway.exports.sealed import seal


def row(name: str) -> dict[str, Any]:
    columns = {"Metadata": '{"team":"ml"}', "RequestBody": "plain", "ResponseBody": None}
    return {"request_id": name, **seal(columns, PRIVATE.public_key(), secrets.token_bytes)}


@pytest.fixture
def key(tmp_path: Path) -> Path:
    found = tmp_path / "private.pem"
    found.write_bytes(private_pem(PRIVATE))
    return found


def test_rows_are_printed_opened_whether_they_were_packed_or_not(
    tmp_path: Path, key: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    packed, plain = tmp_path / "a.ndjson.gz", tmp_path / "b.ndjson"
    packed.write_bytes(gzip.compress(json.dumps(row("r1")).encode() + b"\n\n"))
    plain.write_bytes(json.dumps(row("r2")).encode())
    assert print_opened([packed, plain], key) == 0
    assert [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()] == [
        {"request_id": name, "Metadata": {"team": "ml"}, "RequestBody": "plain", "ResponseBody": None}
        for name in ("r1", "r2")
    ]


def test_a_row_that_was_changed_is_told_and_the_others_are_printed(
    tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = row("r1")
    changed["RequestBody"]["data"] = "AAAA" + changed["RequestBody"]["data"][4:]
    file = tmp_path / "a.ndjson"
    file.write_text(f"{json.dumps(changed)}\n{json.dumps(row('r2'))}\n")
    assert print_opened([file], key) == 1
    said = capsys.readouterr()
    assert "line 1: The column was changed" in said.err and "r1" not in said.out and "r2" in said.out


def test_what_is_no_file_of_rows_is_told_and_no_other_is_held_up(
    tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, cut, good = tmp_path / "broken", tmp_path / "cut.gz", tmp_path / "good"
    broken.write_text("{")
    cut.write_bytes(gzip.compress(json.dumps(row("r1")).encode())[:-9])
    good.write_text(json.dumps(row("r2")))
    assert print_opened([broken, cut, tmp_path / "none", good], key) == 1
    said = capsys.readouterr()
    assert "r2" in said.out and all(name in said.err for name in ("broken", "cut.gz", "none"))


def test_a_passphrase_is_asked_for_by_its_variable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        PRIVATE.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"open"),
        )
    )
    assert print_opened([], locked) == 1 and PASSPHRASE in capsys.readouterr().err
    monkeypatch.setenv(PASSPHRASE, "wrong")
    assert print_opened([], locked) == 1 and "the passphrase is wrong" in capsys.readouterr().err
    monkeypatch.setenv(PASSPHRASE, "open")
    assert print_opened([], locked) == 0


def test_a_key_of_another_kind_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elliptic = tmp_path / "ec.pem"
    elliptic.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    assert print_opened([], elliptic) == 1 and "no RSA key" in capsys.readouterr().err
    assert print_opened([], tmp_path / "none.pem") == 1
