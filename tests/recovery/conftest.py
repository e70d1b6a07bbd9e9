"""An empty database, made once; a disk whose every write is noted."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from power import NAME, SYSTEM, Trace, TracedVFS

from tollway.storage import migrations
from tollway.storage.sqlite.connection import FILE


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("blank") / FILE
    migrations.upgrade(path)
    return path


@pytest.fixture
def trace(tmp_path: Path) -> Iterator[Trace]:
    """What is done to the database files that are opened while this is in use."""
    folder = tmp_path / "traced"
    folder.mkdir()
    noted = Trace(folder)
    traced = TracedVFS(noted)
    apsw.set_default_vfs(NAME)
    yield noted
    apsw.set_default_vfs(SYSTEM)
    traced.unregister()
