"""The recorded answers of real providers that are of a chat API, for the tests of translation."""

import json
import os
import pathlib
from typing import Any

FOLDER = pathlib.Path(
    os.environ.get("TOLLWAY_TEST_DATA", pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "data")
)
REASON = f"no recorded responses in {FOLDER}; set TOLLWAY_TEST_DATA"


def rows(api: str) -> list[dict[str, Any]]:
    """The rows of one API, as the file names it, that were answered; none where the file is not there."""
    if not (FOLDER / "responses.jsonl").exists():
        return []
    found = [json.loads(line) for line in (FOLDER / "responses.jsonl").read_text().splitlines()]
    return [row for row in found if row["api"] == api and row["response_status"] == 200 and row["response"]]
