import stat
from pathlib import Path

from tollway.cli import settings_file
from tollway.demo.company import PEOPLE, found


def test_the_settings_name_everyone_and_hold_no_secret(tmp_path: Path) -> None:
    text, keys = found(tmp_path, "http://127.0.0.1:1")
    document = settings_file.parse(text)
    assert [key.name for key in document.keys] == [person.name for person in PEOPLE] == list(keys)
    assert len(set(keys.values())) == len(PEOPLE)
    assert not any(key in text for key in keys.values())
    assert [budget.name for budget in document.budgets if budget.mode == "monitor"] == ["agents"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())


def test_the_one_service_is_no_user(tmp_path: Path) -> None:
    document = settings_file.parse(found(tmp_path, "http://127.0.0.1:1")[0])
    assert [(key.service, key.user) for key in document.keys if key.service is not None] == [("code-review", None)]
