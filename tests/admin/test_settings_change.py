from pathlib import Path

import pytest
from tests.admin.gateways import Caller, full_disk, gateway

from tollway.errors import StoreUnavailable

TARGET = "/api/v1/prices/overrides"
LOCAL = {"provider": "openai", "model": "gpt-4o", "discount": "15%"}


def file_of(caller: Caller) -> Path:
    return caller.folder / "tollway.yaml"


async def refused(caller: Caller, status: int, code: str) -> str:
    """The detail of the refusal, once it is sure that nothing has changed."""
    before = file_of(caller).read_bytes()
    answer = await caller.admin(TARGET, LOCAL)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert file_of(caller).read_bytes() == before
    assert caller.runtime.snapshot.revision == 1
    return str(answer.json["detail"])


async def test_a_read_only_file_is_left_alone(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        file_of(caller).chmod(0o444)
        assert "tollway.yaml is read-only; make it writable" in await refused(caller, 409, "settings_not_written")


async def test_a_folder_that_takes_no_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with gateway(tmp_path) as caller:

        def full(**_: object) -> None:
            raise OSError(30, "Read-only file system")

        monkeypatch.setattr("tempfile.mkstemp", full)
        assert "Read-only file system. Mount its folder" in await refused(caller, 409, "settings_not_written")


async def test_what_somebody_has_written_and_not_put_in_force_is_not_put_in_force_by_the_way(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        with file_of(caller).open("a") as file:
            file.write("# by hand\n")
        assert "POST /api/v1/reload first" in await refused(caller, 409, "settings_changed")
        await caller.admin("/api/v1/reload", method="POST")
        assert (await caller.admin(TARGET, LOCAL)).json["revision"] == 3
        assert "# by hand\n" in file_of(caller).read_text()


async def test_a_secret_that_is_gone_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        (tmp_path / "alice.key").unlink()
        assert 'key "alice"' in await refused(caller, 422, "settings_invalid")


async def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        file_of(caller).unlink()
        answer = await caller.admin(TARGET, LOCAL)
        assert (answer.status, answer.json["code"]) == (422, "settings_invalid")


async def test_settings_that_cannot_be_edited_safely_are_told_with_the_line_to_write(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        file_of(caller).write_text(file_of(caller).read_text() + "...\n")
        await caller.admin("/api/v1/reload", method="POST")
        answer = await caller.admin(TARGET, LOCAL)
        assert (answer.status, answer.json["code"]) == (422, "settings_invalid")
        assert "write it yourself, under prices: - {provider: openai" in answer.json["detail"]


async def test_ends_of_lines_of_another_system_stay_and_make_no_second_revision(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        file_of(caller).write_bytes(file_of(caller).read_bytes().replace(b"\n", b"\r\n"))
        assert (await caller.admin(TARGET, LOCAL)).json["revision"] == 2
        assert b"\n" not in file_of(caller).read_bytes().replace(b"\r\n", b"")
        kept = await caller.runtime.store.config.history(limit=10)
        assert [(one.number, one.by) for one in kept] == [(2, "admin api"), (1, "file")]


async def test_a_store_that_cannot_keep_the_revision_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway(tmp_path) as caller:

        async def unavailable(*_: object, **__: object) -> None:
            raise StoreUnavailable("the disk is full")

        monkeypatch.setattr(type(caller.runtime.store.config), "save", unavailable)
        answer = await caller.admin(TARGET, LOCAL)
        assert (answer.status, answer.json["revision"]) == (201, 2)
        assert "could not be kept" in answer.json["warnings"][-1]
        assert "the disk is full" in caplog.text
        found = (await caller.admin("/api/v1/prices/openai/gpt-4o")).json
        assert found["override"] == "openai/gpt-4o"


async def test_a_gateway_that_is_still_starting_says_so(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        caller.runtime.compile = None
        await refused(caller, 503, "store_unavailable")


async def test_a_store_that_cannot_be_written_is_told_before_the_file_is_touched(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        with full_disk(caller):
            await refused(caller, 503, "store_unavailable")
            before = file_of(caller).read_bytes()
            answer = await caller.admin("/api/v1/budgets/company", {"limit": "3"}, method="PATCH")
            assert (answer.status, answer.json["code"]) == (503, "store_unavailable")
            assert file_of(caller).read_bytes() == before
            shown = await caller.admin("/api/v1/budgets/company?dry_run=true", {"limit": "3"}, method="PATCH")
            assert shown.status == 200, "a preview writes nothing"
        assert (await caller.admin("/api/v1/budgets/company", {"limit": "3"}, method="PATCH")).json["revision"] == 2
