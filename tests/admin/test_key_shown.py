"""What is shown of a key: nothing that opens anything."""

from tests.workers.test_keyring import START, wanted

from tollway.admin.key_shown import file_key_shown, key_shown, service_token_shown
from tollway.identity.authority import revoked, rotated
from tollway.identity.keys import Key

NOW = START


def test_a_key_is_shown_with_its_history_and_without_its_digests() -> None:
    record = rotated(wanted("ci", NOW, id="abcdefghij01"), b"canary", now=NOW, grace_ms=0, by="ann")
    record = rotated(record, b"canary", now=NOW + 1, grace_ms=1_000, by="bob")
    shown = key_shown(record, NOW + 2, NOW + 1)
    assert (shown.prefix, shown.state, shown.last_used_at) == ("tw_abcdefghij01_", "active", "2026-09-21T14:13:20.001Z")
    assert shown.previous_secret_expires_at == "2026-09-21T14:13:21.001Z"
    assert [(each.made_by, each.expires_at is None) for each in shown.secrets] == [("bob", True), ("ann", False)]
    assert "canary" not in shown.model_dump_json() and "Y2FuYXJ5" not in shown.model_dump_json()


def test_a_service_token_is_shown_with_its_client_id() -> None:
    record = wanted("agent", NOW, id="abcdefghij01", kind="service_token", service="agent")
    shown = service_token_shown(revoked(record, now=NOW, by="eve"), NOW, None)
    assert (shown.client_id, shown.state, shown.revoked_by) == ("abcdefghij01.tollway", "revoked", "eve")


def test_a_key_of_the_settings_is_shown_as_such() -> None:
    key = Key(name="old", digest=b"canary", user="ann", enabled=False, metadata={"team": "ml"})
    shown = file_key_shown(key, NOW, None)
    assert (shown.managed_by, shown.state, shown.owner, shown.team) == ("file", "disabled", "ann", "ml")
    assert "canary" not in shown.model_dump_json()
