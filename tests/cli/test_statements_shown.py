"""How statements are told in a terminal."""

from typing import Any

import pytest
from tests.cli.test_statements import MONTH

from tollway.cli.client import Client
from tollway.cli.questions import Asking
from tollway.cli.statements_shown import show_month


def test_what_has_no_value_is_named_and_never_left_empty(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def get(_: Client, path: str, query: Any) -> Any:
        return MONTH | {"by": query["by"]}

    monkeypatch.setattr(Client, "get", get)
    monkeypatch.setenv("COLUMNS", "200")
    asking = Asking(None, "t" * 16, None, False)
    assert show_month(asking, month=None, by="cost_center", timezone=None) == 0
    assert "without a cost centre" in capsys.readouterr().out
