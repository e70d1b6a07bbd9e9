"""Writes the pages of docs/reference that are made from code: refusals, fields of policies, process settings, providers.

`python scripts/make_reference.py` writes them; a test checks that they are what it would write.
"""

from importlib import resources
from pathlib import Path

from tollway.errors import REASONS
from tollway.exports.focus_columns import FOCUS_COLUMNS, VERSIONS, FocusColumn, columns_of
from tollway.policies.fields import FIELDS
from tollway.pricing.price import FILE, PriceBook
from tollway.providers.described import DESCRIBED
from tollway.providers.presets import PRESETS, Preset
from tollway.settings import SETTINGS
from tollway.telemetry.metrics import METRICS

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
`Retry-After` is in seconds: until the budget resets, or a moment where a retry may help soon. Where no wait helps there is
none, and `resets_at` is null. [All headers](headers.md#on-refusals)

The message of a refusal shows amounts to as many places as it takes to see why the request did not fit. After a
[downgrade](../guides/budgets.md#actions) it names the model that was judged and the one asked for (`judged_model`,
`asked_model`); of a freeze, the reason that the administrator gave (`reason`). Who froze the account is in the log and in
`tollway explain`, for administrators alone.

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

`TOLLWAY_AUDIT_KEY` is the key that anchors of the audit log are signed with, as `file:PATH` or `env:NAME` of 32 bytes in base64; when
it is not set, one is made at the first start and kept in `audit.key` in the data folder. `TOLLWAY_AUDIT_KEY_PREVIOUS` names the public
keys of before, with commas between them. [Administration](../guides/administration.md#anchors)

`OTEL_*` and `TOLLWAY_OTEL_*` say which OpenTelemetry collector is told what. [Telemetry](../guides/telemetry.md#opentelemetry)
"""


def metrics() -> str:
    """The page of what /metrics tells."""
    told = {
        "ledger": (
            "From the ledger and the log",
            "Since the ledger began: a restart changes none of them, and none ever turns back. Money here and in `/api/v1/analytics` "
            "is the same sum, taken from the same rows; where `tollway_rollup_behind_rows` is 0, it is the same number.",
        ),
        "process": (
            "Since the process began",
            "A restart begins them at 0, which `rate` and `increase` know how to read.",
        ),
        "now": ("As it stands", "Gauges."),
    }
    parts: list[str] = []
    for source, (title, words) in told.items():
        rows = "\n".join(
            f"| `{metric.name}` | {metric.kind} | {' '.join(f'`{label}`' for label in metric.labels)} | {metric.help} |"
            for metric in METRICS.values()
            if metric.source == source
        )
        parts.append(f"## {title}\n\n{words}\n\n| metric | kind | labels | meaning |\n|---|---|---|---|\n{rows}\n")
    joined = "\n".join(parts)
    return f"""# Metrics

What `GET /metrics` tells Prometheus; how to scrape it, what labels may be, and what else there is:
[telemetry](../guides/telemetry.md). Amounts are exact decimals of US dollars, to the nanodollar.

{joined}"""


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def providers() -> str:
    """The page of providers: what they speak, how they are priced, what is unknown."""
    book = PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())
    rows = "\n".join(_provider_row(preset, book) for preset in PRESETS)
    apis = "\n".join(
        f"| {row.name} | `{api}` | {_paths(row.path)} | {row.metered} | {row.bound} | {row.unknown} |"
        for api, row in DESCRIBED.items()
    )
    return f"""# Providers

A provider in the settings that has one of these names needs no address: a key is enough (for clouds: a region, a project, a
resource). Any other server needs `api` and `base_url`. Each provider's own paths are behind its name (`/mistral/v1/ocr`), in
Cloudflare's spelling too; unified paths (`/v1/chat/completions`, `/v1/messages`, ...) go to every provider that speaks that API.

Prices come from the book that Tollway ships ({book.version}); `tollway prices show PROVIDER/MODEL` tells what a model costs
and where that is from, `tollway prices diff` where the sources disagree. A price in the settings comes before all others.

| provider | also called | APIs | address | key in | prices | unknown |
|---|---|---|---|---|---|---|
{rows}

"models" counts those with a price. "stated": the provider's own word for what an answer cost is taken where it gives one.

# APIs

What is metered, what is held before the call, and what no answer tells.

| API | id | path | metered | held | unknown |
|---|---|---|---|---|---|
{apis}

- Token counts and errors of a provider cost nothing.
- Counts are inclusive, with OpenTelemetry's names: cached tokens are part of the input, reasoning of the output.
- A usage that contradicts itself, or that no call can have, is noted in the log (`usage_suspect`), with the amounts. So are
  tokens that a total has and no part of it: Gemini's thoughts on OpenAI's API. A count that falls within a stream stays as high
  as it was; an output of 0 tokens beside text is counted from the text.
- A tool that the provider runs and whose fee is in no price list leaves a request without a bound (`request_unbounded`).
- A stream that was cut, or that tells no usage, is charged what was counted of it (`basis: counted`), or its hold
  (`basis: presumed`) where the model hides what it bills. Never nothing.
- Realtime sessions and WebSockets are refused: neither they nor the short-lived keys that open them can be held to a budget.
"""


def policy_fields() -> str:
    """The page of what conditions and actors may speak of."""
    rows = "\n".join(f"| `{field.name}` | {_KINDS[field.kind]} | {field.meaning} |" for field in FIELDS)
    return f"""# Fields of policies

What the `condition` of a [policy](../guides/policies.md) may ask, and what its `actor` may name in braces. A field that a caller
does not have, or has empty, is missing. Everything outside `metadata` is proven: by a token, or by what the key's owner set for
it; `metadata` has what callers declare too, below what is proven. All metadata is text, numbers and booleans as JSON writes them.

| field | type | what it is |
|---|---|---|
{rows}

A list cannot name a bucket. What a claim maps to is text, a number or a boolean; one inside an object is named in the issuer's
settings: `claims: {{metadata: {{team: org.team}}}}`. Names that are no plain words are written in brackets: `metadata["cost-center"]`.

Functions: `startsWith`, `endsWith`, `contains`, `matches` (RE2), `size`, `in`, `has()`, the macros `exists`, `all`, `exists_one`,
`filter` and `map` (two inside each other at most), conversions (`int`, `double`, `string`, ...), and those of CEL for instants.
"""


def focus() -> str:
    """The page of the columns of a FOCUS export."""
    own = [column for column in FOCUS_COLUMNS if column.name.startswith("x_")]
    table = "\n".join(
        f"| `{column.name}` | {_FOCUS_KINDS[column.kind]} | {_focus_versions(column)} | {column.about} |"
        for column in sorted(set(FOCUS_COLUMNS) - set(own), key=lambda column: column.name)
    )
    extra = "\n".join(f"| `{column.name}` | {_FOCUS_KINDS[column.kind]} | {column.about} |" for column in own)
    counts = ", ".join(f"{len(columns_of(version, strict=True)) - len(own)} of {version}" for version in VERSIONS)
    return f"""# Columns of FOCUS

What `GET /api/v1/exports/focus` and `tollway export focus` write ([guide](../guides/exports.md#focus)): all columns of the version
({counts}), and {len(own)} of Tollway's own. A file of 1.2 has the columns that 1.3 added as well, unless `strict` is asked for. A row is
one meter of one ledger entry, and the sum of `BilledCost` is the ledger's, to the nanodollar.

In CSV, decimals have no exponent; amounts have at most nine places, unit prices eighteen. In Parquet they are `DECIMAL(38, 9)` and
`DECIMAL(38, 18)`. Null is an empty cell.

| column | type | versions | what is in it |
|---|---|---|---|
{table}

## Tollway's own

| column | type | what is in it |
|---|---|---|
{extra}
"""


_FOCUS_KINDS = {
    "text": "text",
    "integer": "integer",
    "money": "amount",
    "decimal": "decimal",
    "instant": "date and time",
    "second": "date and time",
    "boolean": "boolean",
    "json": "JSON",
}


def _focus_versions(column: FocusColumn) -> str:
    if column.last != VERSIONS[-1]:
        return f"up to {column.last}"
    return "all" if column.first == VERSIONS[0] else f"from {column.first}"


_KINDS = {"text": "text", "list": "list of text", "any": "any"}


def _provider_row(preset: Preset, book: PriceBook) -> str:
    models = len(book.models(preset.price_list)) if preset.price_list is not None else 0
    prices = (
        f"{models:,} models of `{preset.price_list}`" if models else "own machine" if preset.local else "none listed"
    )
    if preset.states_cost:
        prices += ", stated"
    names = ", ".join(f"`{alias}`" for alias in preset.aliases)
    apis = ", ".join(f"`{api}`" for api in preset.apis)
    address = f"`{preset.base_url}`" if preset.base_url is not None else "`base_url`"
    key = f"`{preset.key_header.decode()}`"
    if preset.slug in ("aws-bedrock", "aws-bedrock-mantle"):
        key += ", or SigV4"
    elif preset.slug == "google-vertex":
        key = "service account"
    elif preset.slug == "azure":
        key += ", or Entra"
    unknown = preset.unknown
    return f"| **{preset.name}** `{preset.slug}` | {names} | {apis} | {address} | {key} | {prices} | {unknown} |"


def _paths(text: str) -> str:
    return ", ".join(f"`{path}`" for path in text.split(", "))


PAGES = {
    "errors.md": errors,
    "focus.md": focus,
    "policy-fields.md": policy_fields,
    "process-settings.md": process_settings,
    "metrics.md": metrics,
    "providers.md": providers,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
