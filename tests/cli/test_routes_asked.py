"""The files that `tollway routes` reads."""

from pathlib import Path

import pytest

from tollway.cli.routes_asked import read_file


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[{id: a, outputs: {true: b}}]", {"elements": [{"id": "a", "outputs": {"true": "b"}}]}),
        ('{"name": "a", "targets": [{"model": "x/y"}]}', {"name": "a", "targets": [{"model": "x/y"}]}),
        ("{id: kept-apart, enabled: false, name: a, elements: []}", {"name": "a", "elements": []}),
    ],
)
def test_a_file_has_a_route_or_its_elements(tmp_path: Path, text: str, found: object) -> None:
    file = tmp_path / "route.yaml"
    file.write_text(text)
    assert read_file(file) == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("3", "has no route in it"),
        ("", "has no route in it"),
        ("{name: a, target: []}", 'a route has no field "target"; there are name, gateway, elements'),
        ("{", "is neither JSON nor YAML"),
        ("\x00", "is neither JSON nor YAML"),
    ],
)
def test_what_is_no_route_is_told_with_the_file(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "route.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"route\.yaml") as error:
        read_file(file)
    assert says in str(error.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_file(tmp_path / "none.yaml")
