"""The company of the demo: who works there, which models they like, and what they may spend."""

import secrets
from pathlib import Path

import msgspec

from tollway.cli.settings_file import write_private
from tollway.identity.keys import make_key


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Someone with a key, and a habit."""

    name: str
    team: str
    model: str
    """As `provider/model`."""
    max_tokens: int
    every_s: float
    """About how often a request is made."""
    prompt_words: int
    stream: bool = False
    service: bool = False
    """A program, not a person."""

    @property
    def who(self) -> str:
        return self.name if self.service else f"{self.name}@example.com"


PEOPLE = (
    Person(name="alice", team="research", model="openai/gpt-5", max_tokens=900, every_s=0.9, prompt_words=400),
    Person(
        name="bob", team="web", model="openai/gpt-4o-mini", max_tokens=500, every_s=0.5, prompt_words=150, stream=True
    ),
    Person(
        name="carol",
        team="research",
        model="anthropic/claude-sonnet-4-5",
        max_tokens=700,
        every_s=1.1,
        prompt_words=500,
        stream=True,
    ),
    Person(name="dan", team="web", model="google/gemini-2.5-flash", max_tokens=600, every_s=0.7, prompt_words=250),
    Person(
        name="ivy",
        team="interns",
        model="anthropic/claude-opus-4-5",
        max_tokens=1200,
        every_s=0.8,
        prompt_words=350,
        stream=True,
    ),
    Person(name="noah", team="interns", model="openai/gpt-4o", max_tokens=1000, every_s=0.9, prompt_words=300),
    Person(
        name="code-review",
        team="platform",
        model="anthropic/claude-haiku-4-5",
        max_tokens=800,
        every_s=0.6,
        prompt_words=700,
        service=True,
    ),
)

_SETTINGS = """\
providers:
  openai:    {{api_key: "file:provider.key", base_url: "{url}/v1"}}
  anthropic: {{api_key: "file:provider.key", base_url: "{url}"}}
  google:    {{api_key: "file:provider.key", base_url: "{url}"}}
keys:
{keys}
budgets:
  - name: company
    limit: "200"
    window: {{period: month, timezone: UTC}}
  - name: each person
    parent: company
    split_by: [user]
    limit: "5"
    window: {{period: day, timezone: UTC}}
  - name: interns
    parent: company
    where: {{metadata.team: interns}}
    limit: "0.50"
    window: {{period: day, timezone: UTC}}
  - name: agents
    parent: company
    where: {{service: ["*"]}}
    limit: "0.02"
    window: {{period: day, timezone: UTC}}
    mode: monitor                     # watched, never refused
"""


def found(folder: Path, provider_url: str) -> tuple[str, dict[str, str]]:
    """Writes the company's secrets into `folder`; its settings, and each one's gateway key by name."""
    write_private(folder / "provider.key", f"sk-fake-{secrets.token_urlsafe(16)}\n")
    keys: dict[str, str] = {}
    lines: list[str] = []
    for person in PEOPLE:
        keys[person.name] = make_key(secrets.token_bytes)
        write_private(folder / f"{person.name}.key", keys[person.name] + "\n")
        kind = "service" if person.service else "user"
        lines.append(
            f'  - {{name: {person.name}, secret: "file:{person.name}.key", {kind}: {person.who}, '
            f"groups: [{person.team}], metadata: {{team: {person.team}}}}}"
        )
    return _SETTINGS.format(url=provider_url, keys="\n".join(lines)), keys
