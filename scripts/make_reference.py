"""Writes the tables of docs/reference that are made from code: refusals and process settings.

`python scripts/make_reference.py` writes them; a test checks that they are what it would write.
"""

from pathlib import Path

from tollway.errors import REASONS
from tollway.settings import SETTINGS

DOCS = Path(__file__).parent.parent / "docs" / "reference"


def errors() -> str:
    """The page of refusal codes."""
    rows = "\n".join(
        f"| `{code}` | {reason.status} | {'yes' if reason.retry else 'no'} | {reason.meaning} |"
        for code, reason in REASONS.items()
    )
    return f"""# Refusals

Every refusal carries `tollway-error: <code>`, `x-should-retry`, and a body in the shape the caller's SDK parses; the object
`error.tollway` in it has the code, the request id and, for budgets, the amounts as exact decimal strings of US dollars.
`Retry-After` is in seconds: until the budget resets, or 1 where money is only held by requests under way.

| code | status | may a retry help soon? | meaning |
|---|---|---|---|
{rows}
"""


def process_settings() -> str:
    """The table of process settings."""
    rows = "\n".join(
        f"| `--{row.name.replace('_', '-')}` | `{row.environment}` | {_code(row.default)} | {row.unit} | {row.help} |"
        for row in SETTINGS
    )
    return f"""# Process settings

Options of `tollway serve`. An option beats its environment variable, which beats the default.

| option | variable | default | unit | meaning |
|---|---|---|---|---|
{rows}

`TOLLWAY_ADMIN_TOKEN` is the bearer token of the admin API; when it is not set, one is made at the first start and kept in
`admin-token` in the data folder, readable by its owner only.
"""


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


PAGES = {"errors.md": errors, "process-settings.md": process_settings}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
