from tollway.identity.login import Login


def test_tokens_last_an_hour_and_logins_thirty_days() -> None:
    login = Login(issuer="company")
    assert (login.access_token_ms, login.refresh_token_ms) == (3_600_000, 30 * 86_400_000)
    assert login.device
    assert not login.forwarded_for
