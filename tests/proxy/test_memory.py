import sys

import pytest

from tollway.proxy.memory import map_large_blocks


def test_large_blocks_are_mapped_apart_where_the_c_library_can_do_that() -> None:
    assert map_large_blocks() in ((True, False) if sys.platform.startswith("linux") else (False,))


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not map_large_blocks()
