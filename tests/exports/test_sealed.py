"""Sealed columns: only the holder of the private key reads them, with openssl alone, and every change is noticed."""

import base64
import secrets
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.exports.sealed import NotOpened, SealedColumn, read_public_key, seal, unseal

PRIVATE = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
OTHER = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def public_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def private_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def sealed(random: Callable[[int], bytes] = secrets.token_bytes, **columns: str | None) -> dict[str, SealedColumn]:
    found = seal(columns, PRIVATE.public_key(), random)
    return {name: column for name, column in found.items() if column is not None}


@settings(max_examples=25, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_what_was_sealed_is_opened_by_its_key(text: str) -> None:
    assert unseal(sealed(Metadata=text)["Metadata"], PRIVATE) == text


def test_the_columns_of_a_log_share_a_key_and_each_has_an_iv_of_its_own_and_no_two_logs_share_any() -> None:
    first, second = (sealed(Metadata="{}", RequestBody="{}", ResponseBody="{}") for _ in range(2))
    assert len({column["key"] for column in first.values()}) == 1
    assert len({column["iv"] for column in (*first.values(), *second.values())}) == 6
    assert len({column["data"] for column in (*first.values(), *second.values())}) == 6
    assert first["Metadata"]["key"] != second["Metadata"]["key"]
    for column in first.values():
        assert {name: len(base64.b64decode(column[name])) for name in ("key", "iv", "data")} == {
            "key": 256,
            "iv": 12,
            "data": 2 + 16,
        }


def test_a_body_that_is_not_there_stays_so_and_an_empty_one_is_sealed() -> None:
    found = seal({"RequestBody": None, "ResponseBody": ""}, PRIVATE.public_key(), secrets.token_bytes)
    assert found["RequestBody"] is None and found["ResponseBody"] is not None
    assert unseal(found["ResponseBody"], PRIVATE) == ""
    assert seal({"RequestBody": None}, PRIVATE.public_key(), lambda _: b"") == {"RequestBody": None}


@pytest.mark.parametrize("part", ["key", "iv", "data"])
def test_a_changed_bit_is_noticed(part: str) -> None:
    column = dict(sealed(RequestBody="what was asked")["RequestBody"])
    raw = bytearray(base64.b64decode(column[part]))
    raw[-1] ^= 1
    column[part] = base64.b64encode(raw).decode()
    with pytest.raises(NotOpened, match="changed"):
        unseal(column, PRIVATE)


def test_another_key_opens_nothing_and_what_is_no_sealed_column_is_told() -> None:
    column = sealed(RequestBody="what was asked")["RequestBody"]
    with pytest.raises(NotOpened, match="another key"):
        unseal(column, OTHER)
    for wrong in ({}, {"key": "", "iv": ""}, {**column, "data": "no Base64!"}):
        with pytest.raises(NotOpened, match="Base64"):
            unseal(wrong, PRIVATE)


@pytest.mark.parametrize(
    ("pem", "said"),
    [
        ("", "no public key in PEM"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "no public key in PEM"),
        (private_pem(PRIVATE).decode(), "private key"),
        (public_pem(ec.generate_private_key(ec.SECP256R1())), "no RSA key"),
        (public_pem(rsa.generate_private_key(public_exponent=65_537, key_size=1_024)), "1,024 bits"),
        ("x" * 4_097, "4,097 characters"),
    ],
    ids=["empty", "garbage", "private", "elliptic", "short", "long"],
)
def test_what_is_no_key_to_seal_with_is_refused_without_being_repeated(pem: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        read_public_key(pem)
    assert "AAAA" not in str(refused.value)


def test_a_public_key_is_read() -> None:
    assert read_public_key(public_pem(PRIVATE)).key_size == 2_048


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_gives_the_body_back(tmp_path: Path) -> None:
    """The recipe of docs/guides/scheduled-exports.md. `openssl enc` has no GCM; GCM is counter mode from 2 on (NIST SP 800-38D,
    6.5 and 7.1), so what it decrypts is the text, and the tag at the end is left to who can check it."""
    body = '{"messages":[{"role":"user","content":"Wie viel kostet das? 💶"}]}' * 50
    column = sealed(RequestBody=body)["RequestBody"]
    (tmp_path / "private.pem").write_bytes(private_pem(PRIVATE))
    (tmp_path / "key.bin").write_bytes(base64.b64decode(column["key"]))
    data = base64.b64decode(column["data"])
    (tmp_path / "data.bin").write_bytes(data[:-16])

    def openssl(*arguments: str) -> bytes:
        return subprocess.run(["openssl", *arguments], cwd=tmp_path, capture_output=True, check=True).stdout

    secret = openssl(
        "pkeyutl", "-decrypt", "-inkey", "private.pem", "-in", "key.bin", "-pkeyopt", "rsa_padding_mode:oaep",
        "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha256",
    )  # fmt: skip
    assert len(secret) == 32
    counter = base64.b64decode(column["iv"]).hex() + "00000002"
    read = openssl("enc", "-d", "-aes-256-ctr", "-K", secret.hex(), "-iv", counter, "-in", "data.bin")
    assert read.decode() == body
