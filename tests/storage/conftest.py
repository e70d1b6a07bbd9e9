"""An empty database, made once: bringing a new one to the schema takes a second."""

from pathlib import Path

import pytest

from tollway.storage import migrations
from tollway.storage.sqlite.connection import FILE


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("blank") / FILE
    migrations.upgrade(path)
    return path
