"""Where exports go: folders that nothing leads out of, buckets, and whoever takes them by HTTP."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.workers.exported import NOW, Died, World, job, lines
from tests.workers.receivers import receiver

from tollway.exports.job import FileTo, HttpTo, S3To
from tollway.gateway import Secret
from tollway.storage.sqlite import SqliteStore
from tollway.workers.exporting_to import Carrier, NotDelivered, Parcel, write_file

PARCEL = Parcel("date=2026-11-22/nightly_1_2.ndjson.gz", b"rows", 2, "nightly:00000001:1-2")


async def test_a_file_is_written_beneath_the_folder_and_written_again_in_its_own_place(tmp_path: Path) -> None:
    carrier = Carrier(tmp_path)
    await carrier(job(FileTo("tollway/logs")), PARCEL)
    await carrier(job(FileTo("tollway/logs")), PARCEL._replace(content=b"other"))
    written = tmp_path / "tollway/logs/date=2026-11-22"
    assert [(path.name, path.read_bytes()) for path in written.iterdir()] == [("nightly_1_2.ndjson.gz", b"other")]
    assert (written / "nightly_1_2.ndjson.gz").stat().st_mode & 0o007 == 0


async def test_what_a_dead_process_left_half_written_is_in_nobodys_way(tmp_path: Path) -> None:
    folder = tmp_path / "date=2026-11-22"
    folder.mkdir()
    (folder / ".nightly_1_2.ndjson.gz.unfinished").write_bytes(b"ha")
    written = write_file(tmp_path, "", PARCEL)
    assert written.read_bytes() == b"rows" and [path.name for path in folder.iterdir()] == [written.name]


async def test_without_a_folder_for_exports_no_file_is_written(tmp_path: Path) -> None:
    with pytest.raises(NotDelivered, match="--export-dir"):
        await Carrier(None)(job(), PARCEL)
    with pytest.raises(NotDelivered, match="No such file"):
        await Carrier(tmp_path / "unmade")(job(), PARCEL)


@pytest.mark.parametrize("link", ["logs", "logs/date=2026-11-22"])
async def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path, link: str) -> None:
    home, outside = tmp_path / "out", tmp_path / "outside"
    outside.mkdir()
    (home / link).parent.mkdir(parents=True)
    (home / link).symlink_to(outside)
    with pytest.raises(NotDelivered, match="leads out of the export folder"):
        write_file(home, "logs", PARCEL)
    assert [*outside.iterdir()] == []


async def test_a_link_in_the_place_of_the_file_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    folder = tmp_path / "out/date=2026-11-22"
    folder.mkdir(parents=True)
    for name in ("nightly_1_2.ndjson.gz", ".nightly_1_2.ndjson.gz.unfinished"):
        (folder / name).symlink_to(precious)
    write_file(tmp_path / "out", "", PARCEL)
    assert precious.read_text() == "mine" and (folder / "nightly_1_2.ndjson.gz").read_bytes() == b"rows"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser writes everywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(NotDelivered, match="Permission denied"):
        write_file(tmp_path, "logs", PARCEL)


def http(url: str, **fields: Any) -> HttpTo:
    return HttpTo(url=Secret(url), **{"allow_http": True, "allow_private": True, **fields})


async def test_rows_are_posted_compressed_with_the_secret_and_a_key_of_their_own() -> None:
    async with receiver() as there:
        await Carrier(None)(job(http(there.url, bearer=Secret("s3cret"))), PARCEL)
        (got,) = there.requests
    assert (got.line, got.body) == ("POST /hook?from=tollway HTTP/1.1", b"rows")
    assert {name: got.headers[name] for name in got.headers if name not in ("host", "user-agent", "connection")} == {
        "content-length": "4",
        "content-type": "application/x-ndjson",
        "content-encoding": "gzip",
        "authorization": "Bearer s3cret",
        "idempotency-key": "nightly:00000001:1-2",
        "tollway-export-job": "nightly",
        "tollway-export-name": PARCEL.name,
    }


async def test_a_receiver_on_this_network_is_refused_before_anything_is_sent_unless_it_is_meant() -> None:
    async with receiver() as there:
        with pytest.raises(NotDelivered, match="not a public address"):
            await Carrier(None)(job(http(there.url, allow_private=False)), PARCEL)
        with pytest.raises(NotDelivered, match="no TLS"):
            await Carrier(None)(job(http(there.url, allow_http=False)), PARCEL)
        assert there.connections == 0


async def test_where_clouds_hand_out_credentials_nothing_is_sent_even_if_it_is_meant() -> None:
    async def metadata(host: str, port: int) -> list[str]:
        return ["169.254.169.254"]

    for to in (
        http("http://logs.example.com/"),
        S3To(bucket="bucket", endpoint="http://s3.example.com", allow_http=True, allow_private=True),
    ):
        with pytest.raises(NotDelivered, match="hands out credentials"):
            await Carrier(None, resolve=metadata)(job(to), PARCEL)


async def test_a_receiver_that_fails_gets_the_same_rows_again_and_each_once_it_works(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open(NOW - 1)
    try:
        async with receiver() as there:
            world = World(store, tmp_path, job(http(there.url)))
            written = world.write(3)
            there.answer = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"
            await world.run()
            state = world.exporting.state("nightly")
            assert state is not None and state.error == "127.0.0.1 answered with status 500"
            there.answer = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n"
            await world.run()
            written += world.write(2)
            there.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
            await world.run()
            first, second, third, fourth = there.requests
        assert first.body == second.body == third.body
        assert first.headers["idempotency-key"] == third.headers["idempotency-key"] == "nightly:00000001:1-3"
        assert [row["request_id"] for got in (third, fourth) for row in lines(got.body)] == written
    finally:
        await store.close()


@asynccontextmanager
async def moto() -> AsyncGenerator[str]:
    """Something that speaks as S3 does, in a process of its own; its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "moto.server", "-p", "0", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            while line := (await process.stdout.readline()).decode():
                if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                    break
        assert found is not None
        yield found[0]
    finally:
        process.terminate()
        await process.communicate()


@pytest.fixture(autouse=True)
def _no_credentials_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    yield


async def test_rows_are_put_into_a_bucket_and_again_under_the_same_name(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open(NOW - 1)
    try:
        async with moto() as endpoint:
            client: Any = boto3.client(
                "s3",
                endpoint_url=endpoint,
                region_name="us-east-1",
                aws_access_key_id="AKIDEXAMPLE",
                aws_secret_access_key="s3cret",
            )
            await asyncio.to_thread(client.create_bucket, Bucket="spend")
            to = S3To(
                bucket="spend",
                prefix="tollway/logs",
                endpoint=endpoint,
                access_key_id=Secret("AKIDEXAMPLE"),
                secret_access_key=Secret("s3cret"),
                allow_http=True,
                allow_private=True,
            )
            world = World(store, tmp_path, job(to))
            written = world.write(3)

            def die(_: Parcel) -> None:
                raise Died

            world.dies = die
            world.exporting.ask("nightly", "test")
            await world.exporting.turn()
            await asyncio.wait([*world.exporting._tasks.values()])
            world.dies = lambda _: None
            world.restart()
            await world.run()
            assert len(world.sent) == 2
            found = (await asyncio.to_thread(client.list_objects_v2, Bucket="spend"))["Contents"]
            name = "tollway/logs/date=2026-07-01/nightly_000000000001_000000000003_00000001.ndjson.gz"
            assert [one["Key"] for one in found] == [name]
            got = await asyncio.to_thread(client.get_object, Bucket="spend", Key=name)
            assert got["ContentType"] == "application/gzip" and "ContentEncoding" not in got
            assert [row["request_id"] for row in lines(got["Body"].read())] == written
            # Another bucket, which is not there.
            world.jobs = [job(S3To(**{name: getattr(to, name) for name in to.__struct_fields__} | {"bucket": "none"}))]
            world.write(1)
            await world.run()
            error = world.exporting.runs("nightly")[0].error
            assert error.startswith("bucket none: ") and "s3cret" not in error
            # An address that is not to be asked.
            world.jobs = [
                job(S3To(**{name: getattr(to, name) for name in to.__struct_fields__} | {"allow_private": False}))
            ]
            await world.run()
            assert "not a public address" in world.exporting.runs("nightly")[0].error
    finally:
        await store.close()
