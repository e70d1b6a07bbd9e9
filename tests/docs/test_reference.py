"""The reference says what the code does."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import make_reference  # noqa: E402


@pytest.mark.parametrize("page", make_reference.PAGES)
def test_generated_pages_are_up_to_date(page: str) -> None:
    written = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    assert written == make_reference.PAGES[page](), "run: python scripts/make_reference.py"


def pages() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_settings_example_in_the_docs_is_valid() -> None:
    import yaml

    from tollway.document import read_document

    found = 0
    for page in pages():
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
            read_document(yaml.safe_load(block))
            found += 1
    assert found >= 1
