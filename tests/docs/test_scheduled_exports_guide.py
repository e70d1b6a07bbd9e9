"""The guide of scheduled exports: its settings are taken, and its recipes, as they stand there, give the body back."""

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.exports.test_sealed import PRIVATE, private_pem, public_pem
from tests.workers.exported import DAY, World, job
from tests.workers.test_exporting_batch import keep

from tollway.document.compiled import compile_document
from tollway.document.text import parse
from tollway.exports.job import FileTo
from tollway.pricing.price import PriceBook
from tollway.storage.conformance.values import NOW
from tollway.storage.sqlite import SqliteStore

GUIDE = (Path(__file__).parents[2] / "docs/guides/scheduled-exports.md").read_text()
BODY = '{"messages": [{"role": "user", "content": "Wie viel kostet das? 💶"}]}'


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_settings_of_the_guide_are_taken() -> None:
    secrets = {"file:export-public.pem": public_pem(PRIVATE)}
    (written,) = blocks("yaml")
    found = compile_document(
        parse(written),
        resolve=lambda given, _: secrets.get(given, given.replace(":", "-")),
        book=PriceBook(()),
        pepper=b"p",
        revision=1,
    ).exports
    assert [(one.id, one.what, one.format) for one in found] == [
        ("logs-to-s3", "logs", "ndjson.gz"),
        ("siem", "logs", "ndjson.gz"),
        ("spend", "spend", "ndjson.gz"),
        ("bill", "focus", "parquet"),
    ]


async def export(folder: Path) -> None:
    """A sealed log with its body."""
    store = SqliteStore(folder / "data")
    await store.open(NOW - DAY)
    try:
        world = World(store, folder, job(FileTo(""), bodies=True, public_key=public_pem(PRIVATE)))
        (name,) = world.write(1)
        keep(store, name, BODY.encode(), b"answer")
        await world.run()
    finally:
        await store.close()


def exported(folder: Path) -> None:
    """The same, and the private key, by the names of the guide."""
    asyncio.run(export(folder))
    (made,) = folder.glob("date=*/*.gz")
    made.rename(folder / "logs.ndjson.gz")
    (folder / "export-private.pem").write_bytes(private_pem(PRIVATE))


def test_the_recipe_in_python_gives_the_body_back(tmp_path: Path) -> None:
    exported(tmp_path)
    (recipe,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-W", "ignore::ResourceWarning", "-c", recipe], cwd=tmp_path, capture_output=True
    )
    assert (done.stdout.decode(), done.stderr.decode()) == (f"{BODY}\n", "")


@pytest.mark.skipif(not all(map(shutil.which, ("openssl", "jq", "sh"))), reason="needs openssl and jq")
def test_the_recipe_with_openssl_alone_gives_the_body_back(tmp_path: Path) -> None:
    exported(tmp_path)
    recipe = blocks("sh")[-1]
    assert "openssl enc" in recipe
    done = subprocess.run(["sh", "-e", "-c", recipe], cwd=tmp_path, capture_output=True)
    assert (done.stdout.decode(), done.stderr.decode()) == (BODY, "")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_the_keys_of_the_guide_are_keys_that_seal(tmp_path: Path) -> None:
    # A shorter key of the same kind: one of 4,096 bits may take seconds to find.
    making = blocks("sh")[0].replace("rsa_keygen_bits:4096", "rsa_keygen_bits:2048")
    subprocess.run(["sh", "-e", "-c", making], cwd=tmp_path, capture_output=True, check=True)
    from tollway.exports.sealed import read_public_key

    assert read_public_key((tmp_path / "export-public.pem").read_text()).key_size == 2_048
