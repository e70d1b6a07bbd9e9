"""What is given out is not shown by accident."""

from tollway.identity.identity import Identity
from tollway.workers.granted import Granted, NotGranted, Unproven

ALICE = Identity(kind="user", user="alice@example.com")


def test_nothing_that_is_given_out_is_in_a_log_by_accident() -> None:
    granted = Granted(access_token="twa_canary", refresh_token="twr_canary", ends_at=1, identity=ALICE)
    assert repr(granted) == "Granted('alice@example.com', …)"
    assert "canary" not in repr(Unproven("why", "canary")) and "why" in repr(Unproven("why", "canary"))


def test_a_refusal_says_whose_login_has_ended_only_where_one_has() -> None:
    assert NotGranted("invalid_grant", "Sign in again.").ended is None
