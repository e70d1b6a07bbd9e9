import pytest

from tollway.document.hidden import hidden, revealed
from tollway.errors import SettingsInvalid

TEXT = """\
providers:
  openai: {api_key: "sk-written-here", base_url: "https://api.openai.com/v1"}   # ours
  mistral:
    api_key: env:MISTRAL_API_KEY
    api_keys: {second: sk-second, third: "file:third.key"}
keys:
  - {name: alice, secret: alice-secret-written, user: alice@example.com}
  - name: bob
    secret: 'bob-secret-written'
channels:
  hook: {webhook: "https://hooks.example.com/T0/secret"}
budgets:
  - {name: company, limit: "20", window: {period: month, timezone: UTC}}
"""
SECRETS = ("sk-written-here", "sk-second", "alice-secret-written", "bob-secret-written", "hooks.example.com")


def test_no_secret_is_shown_and_nothing_else_is_changed() -> None:
    shown = hidden(TEXT)
    assert not [secret for secret in SECRETS if secret in shown]
    assert shown.count("(written in the settings)") == len(SECRETS)
    assert "env:MISTRAL_API_KEY" in shown and "# ours" in shown and 'limit: "20"' in shown


def test_what_was_hidden_comes_back_where_it_stood() -> None:
    changed = hidden(TEXT).replace('limit: "20"', 'limit: "30"')
    back = revealed(changed, TEXT)
    assert all(secret in back for secret in SECRETS)
    assert 'limit: "30"' in back
    assert "(written in the settings)" not in back


def test_a_thing_that_moved_keeps_its_secret() -> None:
    head, _, tail = hidden(TEXT).partition("  - {name: alice")
    alice, _, rest = tail.partition("\n")
    bob, _, after = rest.partition("channels:")
    moved = f"{head}{bob}  - {{name: alice{alice}\nchannels:{after}"
    back = revealed(moved, TEXT)
    assert back.index("bob-secret-written") < back.index("alice-secret-written")


def test_a_hidden_secret_is_not_sent_to_another_address() -> None:
    shown = hidden(TEXT)
    with pytest.raises(SettingsInvalid, match=r"providers\.openai\.api_key: what it is sent to has changed"):
        revealed(shown.replace("https://api.openai.com/v1", "https://evil.example.com"), TEXT)
    with pytest.raises(SettingsInvalid, match=r"api_keys\.second"):
        revealed(shown.replace("    api_keys", "    base_url: https://evil.example.com\n    api_keys"), TEXT)


def test_a_hidden_secret_is_not_given_to_another_thing() -> None:
    shown = hidden(TEXT).replace("name: alice", "name: mallory")
    with pytest.raises(SettingsInvalid, match=r"keys\.mallory\.secret: the secret that stood elsewhere is not copied"):
        revealed(shown, TEXT)


def test_a_new_secret_replaces_the_hidden_one() -> None:
    shown = hidden(TEXT).replace('api_key: "(written in the settings)"', 'api_key: "env:OPENAI_API_KEY"')
    assert "sk-written-here" not in revealed(shown, TEXT)


@pytest.mark.parametrize("text", ["keys: [", 'keys: [{name: a, secret: &a "plain-secret-here"}]'])
def test_what_cannot_be_read_or_hidden_is_refused(text: str) -> None:
    with pytest.raises(SettingsInvalid):
        hidden(text)


def test_a_text_without_secrets_stays_as_it_is() -> None:
    for text in ("", "budgets: []\n", "keys:\n  - {name: a, secret: none}\n"):
        assert hidden(text) == text == revealed(text, text)


def test_a_secret_in_a_block_of_its_own_keeps_the_lines_around_it() -> None:
    text = "keys:\n  - name: a\n    secret: |-\n      over-here-is-a-secret\n    user: ann\n"
    shown = hidden(text)
    assert "over-here" not in shown and shown.endswith("\n    user: ann\n")
