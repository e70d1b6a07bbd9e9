"""The rules of signing in, under any order of what may happen."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.identity.grants import (
    AGAIN_MS,
    DEVICE_MS,
    EARLY_MS,
    INTERVAL_MS,
    MOST_ACCESS,
    MOST_TRIES,
    SLOWER_MS,
    AccessToken,
    CodeGrant,
    DeviceGrant,
    Family,
    SignedIn,
    decide,
    enter,
    is_redirect,
    key_of,
    opened,
    poll,
    present,
    proven_now,
    redeems,
    rotate,
    standing,
)
from tollway.identity.identity import Identity
from tollway.identity.issuer import NO_ISSUERS, ClaimMap, Issuer, Trusted
from tollway.identity.keys import Key
from tollway.identity.login import Login
from tollway.identity.person import Person
from tollway.identity.secrets import challenge_of

NOW = 1_800_000_000_000
ALICE = Identity(
    kind="user",
    user="alice@example.com",
    groups=("eng",),
    metadata={"department": "rd"},
    proven_only=frozenset({"department"}),
    person=Person(issuer="https://login.example.com", subject="a1", email="alice@example.com"),
)
SIGNED_IN = SignedIn(identity=ALICE, upstream=b"sealed")


def device(**fields: object) -> DeviceGrant:
    made = DeviceGrant(
        user_code=b"u", client_id="tollway", client="Tollway", address="192.0.2.1", made_at=NOW, ends_at=NOW + DEVICE_MS
    )
    return msgspec.structs.replace(made, **fields)


def family(**fields: object) -> Family:
    made = Family(
        id="f",
        client_id="tollway",
        client="Tollway",
        identity=ALICE,
        started_at=NOW,
        ends_at=NOW + 10_000_000,
        current=b"1",
    )
    return msgspec.structs.replace(made, **fields)


steps = st.lists(
    st.tuples(st.sampled_from(["poll", "poll as another", "enter", "allow", "deny"]), st.integers(0, DEVICE_MS // 3)),
    max_size=40,
)


@given(steps)
def test_no_order_of_events_gives_a_token_without_consent_or_after_the_end(events: list[tuple[str, int]]) -> None:
    grant, now, allowed, decided = device(), NOW, False, False
    for event, passed in events:
        now += passed
        match event:
            case "poll":
                answer = poll(grant, "tollway", now)
                assert (answer.told is None) == (allowed and now < grant.ends_at)
                assert (answer.told == "expired_token") == (now >= grant.ends_at)
                grant = answer.grant
            case "poll as another":
                for client in (None, "another"):
                    assert poll(grant, client, now) == ("invalid_grant", grant)
            case "enter":
                grant = enter(grant, now) or grant
                assert grant.entered <= MOST_TRIES
            case _:
                after = decide(grant, SIGNED_IN if event == "allow" else None, now)
                assert (after is not None) == (now < grant.ends_at and not decided), "what is decided is decided"
                if after is not None:
                    grant, decided, allowed = after, True, event == "allow"


def test_whoever_polls_too_soon_is_told_to_slow_down_by_five_seconds_each_time() -> None:
    first = poll(device(), "tollway", NOW + 1)
    assert first.told == "authorization_pending"
    second = poll(first.grant, "tollway", NOW + 2)
    assert (second.told, second.grant.interval_ms) == ("slow_down", INTERVAL_MS + SLOWER_MS)
    third = poll(second.grant, "tollway", NOW + 2 + INTERVAL_MS)
    assert (third.told, third.grant.interval_ms) == ("slow_down", INTERVAL_MS + 2 * SLOWER_MS)
    on_time = poll(third.grant, "tollway", NOW + 2 + INTERVAL_MS + third.grant.interval_ms - EARLY_MS)
    assert (on_time.told, on_time.grant.interval_ms) == ("authorization_pending", third.grant.interval_ms)


def test_a_user_code_may_be_entered_five_times() -> None:
    grant = device()
    for _ in range(MOST_TRIES):
        entered = enter(grant, NOW)
        assert entered is not None
        grant = entered
    assert enter(grant, NOW) is None
    assert enter(device(), NOW + DEVICE_MS) is None
    assert enter(device(state="denied"), NOW) is None


VERIFIER = "v" * 50
GRANT = CodeGrant(
    client_id="tollway",
    redirect_uri="http://127.0.0.1:5/callback",
    challenge=challenge_of(VERIFIER),
    signed_in=SIGNED_IN,
    ends_at=NOW + 60_000,
)
RIGHT = {"client_id": "tollway", "redirect_uri": GRANT.redirect_uri, "verifier": VERIFIER, "now": NOW}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"client_id": "another"},
        {"client_id": None},
        {"redirect_uri": "http://127.0.0.1:6/callback"},
        {"verifier": "w" * 50},
        {"verifier": ""},
        {"verifier": challenge_of(VERIFIER)},
        {"now": NOW + 60_000},
    ],
)
def test_a_code_is_redeemed_by_who_asked_for_it_alone(wrong: dict[str, object]) -> None:
    assert redeems(GRANT, **{**RIGHT, **wrong}) is (not wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1/callback", "http://127.0.0.1:65535", "http://[::1]:8080/a/b"])
def test_a_code_may_be_sent_to_a_program_on_the_same_machine(uri: str) -> None:
    assert is_redirect(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/callback",
        "//127.0.0.1:1/callback",
        "https://127.0.0.1:1/callback",
        "http://localhost:1/callback",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:01/callback",
        "http://127.0.0.1:1@evil.example/callback",
        "http://127.0.0.1:1.evil.example/callback",
        "http://127.0.0.1.evil.example:1/callback",
        "http://evil.example:1/callback",
        "http://evil.example#@127.0.0.1:1/callback",
        "http://127.0.0.1:1/callback#fragment",
        "http://127.0.0.1:1/callback?next=//evil.example",
        "http://127.0.0.1:1/..//evil.example",
        "http://127.0.0.1:1\\@evil.example/callback",
        "http://127.0.0.1:1/callback\r\nSet-Cookie: a=b",
        "http://127.0.0.1:1/callback\n",
        "http://127.0.0.2:1/callback",
        "http://127.1:1/callback",
        "http://2130706433:1/callback",
        "http://0x7f000001:1/callback",
        "http://[::ffff:127.0.0.1]:1/callback",
        "http://0.0.0.0:1/callback",
        "HTTP://127.0.0.1:1/callback",
        "http://user@127.0.0.1:1/callback",
        "javascript:alert(1)//127.0.0.1:1",
        "myapp://callback",
        "http://127.0.0.1:1/%2e%2e/",
        " http://127.0.0.1:1/callback",
    ],
)
def test_a_code_is_never_sent_anywhere_else(uri: str) -> None:
    assert not is_redirect(uri)


presents = st.lists(st.tuples(st.integers(0, 6), st.integers(0, AGAIN_MS)), max_size=30)


@given(presents)
def test_of_all_refresh_tokens_of_a_family_one_is_good_and_an_old_one_ends_it(events: list[tuple[int, int]]) -> None:
    held, now, newest, rotated_at = family(current=b"0"), NOW, 0, -AGAIN_MS
    for back, passed in events:
        now += passed
        shown = max(0, newest - back)
        told = present(held, str(shown).encode(), "tollway", now)
        if shown == newest:
            assert told == "rotate"
            newest, rotated_at = newest + 1, now
            held = rotate(
                held,
                identity=ALICE,
                current=str(newest).encode(),
                access=AccessToken(str(newest).encode(), now + 60_000),
                again=b"again",
                upstream=b"",
                now=now,
            )
            assert len(held.access) <= MOST_ACCESS
        elif shown == newest - 1 and now < rotated_at + AGAIN_MS:
            assert told == "again"
        else:
            assert told == "reused"
            return


def test_what_has_ended_or_is_another_clients_is_refused_and_ends_nothing() -> None:
    assert present(family(), b"1", "tollway", NOW + 10_000_000) == "refused"
    assert present(family(), b"1", "another", NOW) == "refused"
    assert present(family(client_id=None), b"1", "another", NOW) == "refused"
    assert present(family(), b"1", None, NOW) == "rotate"
    assert present(family(), b"0", "tollway", NOW) == "reused"


def test_a_key_has_all_that_the_identity_provider_proved() -> None:
    key = key_of(family(gateways=("prod",)), AccessToken(b"d", NOW + 5))
    assert (key.user, key.groups, key.gateways, key.expires_at) == ("alice@example.com", ("eng",), ("prod",), NOW + 5)
    assert (key.metadata, key.proven_only, key.person) == ({"department": "rd"}, {"department"}, ALICE.person)
    assert (key.name, key.digest) == ("login:alice@example.com", b"d")


def test_only_gateways_that_both_lists_open_are_opened() -> None:
    assert opened((), ()) == ()
    assert opened(("a",), ()) == ("a",)
    assert opened((), ("b",)) == ("b",)
    assert opened(("a", "b"), ("b", "c")) == ("b",)
    assert opened(("a",), ("b",)) is None


PERSON = Person(issuer="https://i.example", subject="a1")
LOGIN = Login(issuer="company")


def trusted(**fields: Any) -> Trusted:
    asked: dict[str, Any] = {"audiences": ("tollway",), "algorithms": frozenset(), "token_types": frozenset()}
    return Trusted([Issuer(name="company", issuer="https://i.example", **asked, **fields)])


@pytest.mark.parametrize(
    ("key", "login", "issuers", "gateways"),
    [
        ({}, LOGIN, trusted(), ()),
        ({}, None, trusted(), None),
        ({}, LOGIN, NO_ISSUERS, None),
        ({}, LOGIN, trusted(enabled=False), None),
        ({"person": None}, LOGIN, NO_ISSUERS, ()),
        ({}, Login(issuer="company", gateways=("a", "b")), trusted(), ("a", "b")),
        ({"gateways": ("b", "c")}, Login(issuer="company", gateways=("a", "b")), trusted(), ("b",)),
        ({"gateways": ("c",)}, Login(issuer="company", gateways=("a", "b")), trusted(), None),
        ({}, Login(issuer="company", gateways=("a", "b")), trusted(gateways=("b",)), ("b",)),
        ({}, Login(issuer="company", gateways=("a",)), trusted(gateways=("b",)), None),
    ],
)
def test_a_token_opens_no_more_than_the_settings_of_now_allow(
    key: dict[str, Any], login: Login | None, issuers: Trusted, gateways: tuple[str, ...] | None
) -> None:
    given = Key(**{"name": "login:a", "digest": b"d", "user": "a", "person": PERSON, **key})
    after = standing(given, login, issuers)
    assert after == (None if gateways is None else msgspec.structs.replace(given, gateways=gateways))


def several(**enabled: bool) -> Trusted:
    asked: dict[str, Any] = {"audiences": ("x",), "algorithms": frozenset(), "token_types": frozenset()}
    return Trusted(
        [
            Issuer(name=name, issuer="https://i.example", enabled=on, gateways=(name,), **asked)
            for name, on in enabled.items()
        ]
    )


@pytest.mark.parametrize(
    ("name", "issuers", "gateways"),
    [
        ("company", several(company=True, robots=True), ("company",)),
        ("company", several(company=False, robots=True), None),
        ("robots", several(company=True, robots=True), ("robots",)),
        ("", several(company=True, robots=True), None),
        ("", several(company=False, robots=True), ("robots",)),
    ],
)
def test_only_the_entry_by_which_somebody_signed_in_goes_on_to_vouch_for_them(
    name: str, issuers: Trusted, gateways: tuple[str, ...] | None
) -> None:
    person = Person(issuer="https://i.example", issuer_name=name, subject="a1")
    key = Key(name="login:a", digest=b"d", user="a", person=person)
    after = standing(key, LOGIN, issuers)
    assert (after.gateways if after is not None else None) == gateways
    identity = Identity(kind="user", user="a", person=person)
    now = proven_now(identity, LOGIN, issuers)
    assert (now.gateways if now is not None else None) == gateways
    assert proven_now(identity, None, issuers) is None


def test_what_somebody_proves_is_by_the_settings_of_now() -> None:
    identity = Identity(kind="user", user="a", person=PERSON, priority="production", proven_only=frozenset({"site"}))
    issuers = trusted(gateways=("a", "b"), priority="batch", claims=ClaimMap(metadata={"department": "dept"}))
    now = proven_now(identity, Login(issuer="company", gateways=("b", "c")), issuers)
    assert now is not None
    assert (now.gateways, now.priority, now.proven_only) == (("b",), "batch", {"site", "department"})
    assert proven_now(identity, Login(issuer="company", gateways=("c",)), issuers) is None
    assert proven_now(msgspec.structs.replace(identity, person=None), LOGIN, issuers) is None
    key = Key(name="login:a", digest=b"d", user="a", person=PERSON, priority="production")
    after = standing(key, LOGIN, issuers)
    assert after is not None and (after.priority, after.proven_only) == ("batch", {"department"})
