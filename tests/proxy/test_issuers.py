import asyncio
import hashlib
import json
import time
from typing import Any

import msgspec
import pytest
import world
from bad_tokens import PUBLISHED, bad, good, named
from fake_issuer import FakeIssuer, trusted
from made_tokens import ISSUER, NOW, claims, jwk, private_key, token

from tollway.exchange.authenticate import authenticate
from tollway.exchange.refusal import Refusal
from tollway.identity.identity import Identity
from tollway.proxy import issuers as module
from tollway.proxy.fetch import FetchFailed
from tollway.proxy.issuers import Issuers
from tollway.proxy.jwks import IssuerUnavailable
from tollway.request import Credential
from tollway.snapshot import Snapshot

HOUR = 3_600_000
BAD, GOOD = named(bad), named(good)
PLAIN = world.snapshot()


def settings(*written: dict[str, Any]) -> Snapshot:
    return msgspec.structs.replace(PLAIN, issuers=trusted(*written))


SETTINGS = settings({})


def idp(**fields: Any) -> tuple[FakeIssuer, Issuers]:
    fake = FakeIssuer(**fields)
    fake.publishes(*PUBLISHED)
    return fake, Issuers(fake, draw=lambda: 0.5)


async def accepted(issuers: Issuers, text: str, snapshot: Snapshot = SETTINGS, now: int = NOW) -> Identity:
    answer = await issuers.verify(text, snapshot, now)
    assert isinstance(answer, Identity), answer
    return answer


async def refused(issuers: Issuers, text: str, snapshot: Snapshot = SETTINGS, now: int = NOW) -> Refusal:
    answer = await issuers.verify(text, snapshot, now)
    assert isinstance(answer, Refusal), answer
    return answer


def test_the_corpus_is_as_large_as_was_promised() -> None:
    assert len(BAD) >= 120
    assert len(GOOD) >= 40


@pytest.mark.parametrize("text", [text for _, text in BAD], ids=[name for name, _ in BAD])
async def test_a_bad_token_opens_nothing_and_is_not_repeated(text: str) -> None:
    _, issuers = idp()
    answer = await refused(issuers, text)
    assert answer.status == 401
    shown = json.dumps([answer.message, answer.for_log])
    assert not any(len(part) > 12 and part in shown for part in text.split("."))
    # Once refused, always refused.
    assert (await refused(issuers, text)).code == answer.code
    for gateway in ("required", "none"):
        snapshot = msgspec.structs.replace(
            SETTINGS, gateways=world.snapshot(gateways=[{"slug": "default", "authentication": gateway}]).gateways
        )
        request = world.request(credentials=(Credential(b"authorization", text),), received_at=NOW)
        found = authenticate(request, snapshot, await issuers.tokens(request, snapshot))
        # An open gateway takes in whoever shows what is none of its issuers' tokens, as nobody.
        assert isinstance(found, Refusal) or (gateway == "none" and found.kind == "anonymous")


@pytest.mark.parametrize("text", [text for _, text in GOOD], ids=[name for name, _ in GOOD])
async def test_a_good_token_says_who_is_asking(text: str) -> None:
    fake, issuers = idp()
    identity = await accepted(issuers, text)
    assert identity.source == "token" and (identity.user or identity.service)
    assert identity.person is not None and identity.person.issuer == ISSUER
    # The discovery and the keys, and nothing that the token names.
    assert set(fake.asked) == {"/.well-known/openid-configuration", "/keys"}


async def test_a_person_is_known_by_the_verified_address_else_by_the_subject() -> None:
    _, issuers = idp()
    alice = await accepted(issuers, token(claims(email="Alice@Example.com")))
    assert (alice.kind, alice.user, alice.groups, alice.metadata) == (
        "user", "alice@example.com", ("eng",), {"cf.user_id": "u-1"},
    )  # fmt: skip
    unverified = await accepted(issuers, token(claims(email_verified=False)))
    assert unverified.user == "u-1" and unverified.person is not None and unverified.person.email is None


async def test_an_expired_token_is_told_from_an_invalid_one() -> None:
    _, issuers = idp()
    expired = await refused(issuers, token(claims(exp=NOW // 1000 - 600)))
    assert (expired.code, expired.rule) == ("credential_expired", "company")
    assert "2026-06-30T23:50:00" in expired.message and "Sign in again" in expired.message
    other = await refused(issuers, token(claims(aud="another-service")))
    assert other.code == "token_invalid" and "another-service" in other.message and '"tollway"' in other.message


async def test_a_token_that_was_seen_costs_no_signature_and_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    fake, issuers = idp()
    text = token()
    first = await accepted(issuers, text)
    monkeypatch.setattr(module, "read_token", lambda _: pytest.fail("it is read again"))
    assert issuers.known(text, SETTINGS, NOW + 1_000) is first
    assert fake.asked["/keys"] == 1
    begun = time.perf_counter()
    for _ in range(10_000):
        issuers.known(text, SETTINGS, NOW + 1_000)
    assert (time.perf_counter() - begun) / 10_000 < 50e-6


async def test_a_token_is_not_remembered_past_its_end() -> None:
    _, issuers = idp()
    text = token(claims(exp=NOW // 1000 + 10))
    await accepted(issuers, text)
    assert issuers.known(text, SETTINGS, NOW + 9_999) is not None
    assert issuers.known(text, SETTINGS, NOW + 10_000) is None
    # Within the leeway it is verified each time.
    await accepted(issuers, text, now=NOW + 10_000)
    assert issuers.known(text, SETTINGS, NOW + 10_000) is None
    assert (await refused(issuers, text, now=NOW + 70_000)).code == "credential_expired"


async def test_a_token_is_not_taken_a_day_after_it_was_issued_whatever_it_says() -> None:
    _, issuers = idp()
    text = token(claims(iat=NOW // 1000, exp=NOW // 1000 + 30 * 86_400))
    await accepted(issuers, text)
    assert issuers.known(text, SETTINGS, NOW + 24 * HOUR) is None
    assert (await refused(issuers, text, now=NOW + 24 * HOUR + 60_000)).code == "credential_expired"


async def test_ten_thousand_tokens_that_begin_alike_share_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """LiteLLM's CVE-2026-35030: a cache by the first characters of a token gave one caller another's identity."""
    _, issuers = idp()

    # The same header and the same first claims: two hundred characters are equal. EdDSA, to make them quickly.
    def text(number: int) -> str:
        return token({**claims(email=None, sub=None), "sub": f"u-{number:05}"}, algorithm="EdDSA", name="o")

    texts = [text(number) for number in range(10_000)]
    assert len({one[:200] for one in texts}) == 1
    for number, one in enumerate(texts):
        assert (await accepted(issuers, one)).user == f"u-{number:05}"
    seen = [issuers.known(one, SETTINGS, NOW) for one in texts]
    assert [identity.user for identity in seen if identity is not None] == [f"u-{n:05}" for n in range(10_000)]
    # Another signature, or none, under a remembered beginning is another token.
    assert issuers.known(texts[0][:-4] + "AAAA", SETTINGS, NOW) is None
    assert len(issuers._seen) <= module.MOST_SEEN
    assert set(issuers._seen) == {hashlib.sha256(one.encode()).digest() for one in texts}


async def test_the_memory_is_bounded_and_the_oldest_leave_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SEEN", 10)
    _, issuers = idp()
    texts = [token(claims(sub=f"u-{number}"), algorithm="EdDSA", name="o") for number in range(12)]
    for text in texts:
        await accepted(issuers, text)
    assert len(issuers._seen) <= 10
    assert issuers.known(texts[0], SETTINGS, NOW) is None and issuers.known(texts[11], SETTINGS, NOW) is not None


async def test_a_hundred_who_come_at_once_ask_for_the_keys_once() -> None:
    fake, issuers = idp()
    fake.gate = asyncio.Event()
    asking = [
        asyncio.create_task(issuers.verify(token(claims(sub=f"u-{n}"), algorithm="EdDSA", name="o"), SETTINGS, NOW))
        for n in range(100)
    ]
    for _ in range(10):
        await asyncio.sleep(0)
    # One that leaves takes nothing from the others.
    asking.pop().cancel()
    fake.gate.set()
    answers = await asyncio.gather(*asking)
    assert all(isinstance(answer, Identity) for answer in answers)
    assert fake.asked == {"/.well-known/openid-configuration": 1, "/keys": 1}


async def test_a_new_key_is_known_at_once_and_junk_does_not_have_the_keys_asked_for_again_and_again() -> None:
    fake, issuers = idp()
    await accepted(issuers, token())
    fake.publishes(*PUBLISHED, jwk("RS256", "new"))
    junk = token(name="junk")
    assert (await refused(issuers, junk, now=NOW + 20_000)).code == "token_invalid"
    assert fake.asked["/keys"] == 2
    await accepted(issuers, token(name="new"), now=NOW + 20_001)
    fake.publishes(*PUBLISHED, jwk("RS256", "new"), jwk("RS256", "newer"))
    for passed in range(0, 9_000, 1_000):
        await refused(issuers, junk, now=NOW + 20_002 + passed)
    assert fake.asked["/keys"] == 2
    # A rotation is known within ten seconds.
    await accepted(issuers, token(name="newer"), now=NOW + 30_001)
    assert fake.asked["/keys"] == 3


async def test_a_removed_key_opens_nothing_after_one_refresh_not_even_for_a_token_that_was_seen() -> None:
    fake, issuers = idp()
    text = token(claims(exp=NOW // 1000 + 7_200))
    await accepted(issuers, text)
    fake.publishes(jwk("ES256", "e"))
    at = NOW + 10 * 60_000
    # This one begins the refresh, and may still pass.
    issuers.known(text, SETTINGS, at)
    await _quiet()
    assert issuers.known(text, SETTINGS, at + 1) is None
    assert (await refused(issuers, text, now=at + 1)).code == "token_invalid"


async def test_keys_that_were_not_asked_for_in_a_while_are_not_believed_unasked() -> None:
    fake, issuers = idp()
    text = token(claims(exp=NOW // 1000 + 7_200))
    await accepted(issuers, text)
    fake.publishes(jwk("ES256", "e"))
    # The gateway was idle: nobody began a refresh.
    assert (await refused(issuers, text, now=NOW + HOUR)).code == "token_invalid"


async def test_while_the_issuer_is_down_the_last_keys_serve_for_a_day_and_then_nothing_opens() -> None:
    fake, issuers = idp()
    await accepted(issuers, token())
    fake.down = True
    for hours in range(1, 24):
        at = NOW + hours * HOUR
        fresh = token(claims(sub=f"u-{hours}", iat=at // 1000 - 10, exp=at // 1000 + 3_600))
        await accepted(issuers, fresh, now=at)
    at = NOW + 24 * HOUR - 1
    last = token(claims(iat=at // 1000 - 10, exp=at // 1000 + 3_600))
    await accepted(issuers, last, now=at)
    answer = await refused(issuers, last, now=at + 1)
    assert (answer.code, answer.status, answer.retry_after_s) == ("issuer_unavailable", 503, 5)
    fake.down = False
    await accepted(issuers, last, now=at + 20_000)


async def test_an_issuer_that_was_never_reached_is_503_and_is_not_asked_by_everybody() -> None:
    fake, issuers = idp()
    fake.down = True
    for passed in range(0, 9_000, 500):
        answer = await refused(issuers, token(), now=NOW + passed)
        assert (answer.code, answer.status) == ("issuer_unavailable", 503)
    assert fake.asked["/.well-known/openid-configuration"] == 1
    assert '"company"' in answer.message and "refused" not in answer.message and "refused" in answer.for_log
    fake.down = False
    await accepted(issuers, token(), now=NOW + 10_000)


async def test_a_new_key_while_the_issuer_is_down_is_503_since_it_may_be_right() -> None:
    fake, issuers = idp()
    await accepted(issuers, token())
    fake.down = True
    assert (await refused(issuers, token(name="new"), now=NOW + 60_000)).code == "issuer_unavailable"
    # A known key that did not sign it is a forgery, down or not.
    forged = token(key=private_key("RS256", "stranger"))
    assert (await refused(issuers, forged, now=NOW + 60_000)).code == "token_invalid"


@pytest.mark.parametrize(
    "keys",
    [b"", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[]}', b'{"keys":[],"keys":[]}', b"<html>", b'{"keys":[{"kty":"oct","k":"AA"}]}'],
)  # fmt: skip
async def test_a_key_set_that_is_none_changes_nothing(keys: bytes) -> None:
    fake, issuers = idp()
    await accepted(issuers, token())
    fake.answers["/keys"] = (200, keys)
    await accepted(issuers, token(claims(sub="u-2")), now=NOW + HOUR - 1)
    state = issuers.state(SETTINGS.issuers.all()[0])
    assert state is not None and state.error and state.fetched_at == NOW


async def test_every_issuer_judges_its_own_tokens_only() -> None:
    other = "https://other.example.com"
    snapshot = settings({}, {"name": "other", "issuer": other, "audience": "x"})
    _, issuers = idp()
    # The keys of one issuer do not open the other: this fake answers for ISSUER alone.
    answer = await refused(issuers, token(claims(iss=other, aud="x")), snapshot)
    assert (answer.code, answer.rule) == ("issuer_unavailable", "other")
    answer = await refused(issuers, token(claims(iss="https://unknown.example.com")), snapshot)
    assert (answer.code, answer.rule) == ("credential_unknown", "")


async def test_one_provider_with_two_audiences_is_two_issuers() -> None:
    snapshot = settings(
        {"gateways": ["default"]},
        {"name": "prod", "audience": "tollway-prod", "gateways": ["prod"], "priority": "production"},
    )
    fake, issuers = idp()
    identity = await accepted(issuers, token(claims(aud=["tollway-prod"])), snapshot)
    assert (identity.gateways, identity.priority) == (("prod",), "production")
    assert (await accepted(issuers, token(), snapshot)).gateways == ("default",)
    assert fake.asked["/keys"] == 1


async def test_an_issuer_that_is_switched_off_opens_nothing() -> None:
    _, issuers = idp()
    text = token()
    await accepted(issuers, text)
    assert "switched off" in (await refused(issuers, text, settings({"enabled": False}))).message


async def test_new_settings_judge_a_token_anew() -> None:
    _, issuers = idp()
    text = token()
    await accepted(issuers, text)
    for changed in ({"audience": "other"}, {"require": {"hd": "example.com"}}, {"algorithms": ["ES256"]}):
        assert (await refused(issuers, text, settings(changed))).code == "token_invalid"
    await accepted(issuers, text)
    assert (await refused(issuers, text, PLAIN)).code == "credential_unknown"


async def test_the_first_credential_that_proves_something_is_enough() -> None:
    _, issuers = idp()
    request = world.request(
        credentials=(
            Credential(b"authorization", token(claims(exp=1))),
            Credential(b"x-api-key", token()),
            Credential(b"api-key", token(claims(sub="never read"))),
        ),
        received_at=NOW,
    )
    found = await issuers.tokens(request, SETTINGS)
    assert [type(answer) for answer in found.values()] == [Refusal, Identity]
    identity = authenticate(request, SETTINGS, found)
    assert isinstance(identity, Identity) and identity.user == "alice@example.com"
    with_key = world.request(
        credentials=(Credential(b"authorization", world.KEY), Credential(b"x-api-key", token())), received_at=NOW
    )
    assert await issuers.tokens(with_key, SETTINGS) == {}


async def test_groups_are_asked_for_once_for_each_token_and_fill_in_what_it_leaves_out() -> None:
    fake, issuers = idp()
    fake.says(
        "/.well-known/openid-configuration", issuer=ISSUER, jwks_uri=f"{ISSUER}/keys", userinfo_endpoint=f"{ISSUER}/me"
    )
    fake.says("/me", sub="u-1", groups=["ops", "eng"], email="alice@example.com", email_verified=True)
    snapshot = settings({"groups_from": "userinfo"})
    text = token(claims(groups=["from the token"], email=None, email_verified=None))
    answers = await asyncio.gather(*(issuers.verify(text, snapshot, NOW) for _ in range(100)))
    assert {(one.user, one.groups) for one in answers if isinstance(one, Identity)} == {
        ("alice@example.com", ("ops", "eng"))
    }
    assert fake.asked["/me"] == 1 and fake.headers[-1] == {"authorization": f"Bearer {text}"}
    # Another set of keys has it verified again, but not asked about again.
    fake.publishes(*PUBLISHED, jwk("RS256", "new"))
    await issuers.verify(token(name="new"), SETTINGS, NOW + 20_000)
    assert (await accepted(issuers, text, snapshot, NOW + 20_001)).groups == ("ops", "eng")
    assert fake.asked["/me"] == 1


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (200, {"sub": "u-2", "groups": ["admins"]}, "token_invalid"),
        (200, {"groups": ["admins"]}, "token_invalid"),
        (401, {}, "token_invalid"),
        (404, {}, "token_invalid"),
        (500, {}, "issuer_unavailable"),
        (302, {}, "issuer_unavailable"),
    ],
)
async def test_groups_that_cannot_be_learned_open_nothing(status: int, said: dict[str, Any], code: str) -> None:
    fake, issuers = idp()
    fake.says("/me", status, **said)
    snapshot = settings({"groups_from": "userinfo", "userinfo_url": f"{ISSUER}/me"})
    assert (await refused(issuers, token(), snapshot)).code == code
    if code == "issuer_unavailable":
        await refused(issuers, token(claims(sub="u-9")), snapshot, NOW + 1)
        assert fake.asked["/me"] == 1


async def test_more_groups_than_a_token_holds_are_asked_for() -> None:
    fake, issuers = idp()
    overage = claims(
        groups=None, _claim_names={"groups": "src1"}, _claim_sources={"src1": {"endpoint": "https://evil.example"}}
    )
    snapshot = settings({"userinfo_url": f"{ISSUER}/me"})
    fake.says("/me", sub="u-1", groups=["g1", "g2"])
    assert (await accepted(issuers, token(overage), snapshot)).groups == ("g1", "g2")
    fake.says("/me", sub="u-1")
    fewer = await refused(issuers, token({**overage, "jti": "2"}), snapshot)
    assert fewer.code == "token_invalid" and "only the groups of this application" in fewer.message
    assert not any("evil" in path for path in fake.asked)


async def test_a_service_is_not_asked_for_its_groups() -> None:
    fake, issuers = idp()
    snapshot = settings({"groups_from": "userinfo", "userinfo_url": f"{ISSUER}/me"})
    identity = await accepted(issuers, token(claims(sub="ci", client_id="ci", email=None)), snapshot)
    assert (identity.kind, identity.service, identity.user) == ("service", "ci", None) and fake.asked["/me"] == 0


TEAM = "https://acme.cloudflareaccess.com"
ACCESS = {"name": "access", "kind": "cloudflare_access", "issuer": TEAM, "audience": "4714c1358e65fe4b408ad6d432a5f878"}


def access(**others: Any) -> str:
    said = {
        "iss": TEAM, "aud": ["4714c1358e65fe4b408ad6d432a5f878"], "type": "app", "country": "US", "groups": None, "name": None,
        "email_verified": None, "identity_nonce": "6ei69kawdKzMIAPF",
    }  # fmt: skip
    return token(claims(**{**said, **others}), header={"typ": None})


def access_idp() -> tuple[FakeIssuer, Issuers]:
    fake = FakeIssuer(TEAM)
    fake.answers = {"/cdn-cgi/access/certs": (200, json.dumps({"keys": PUBLISHED, "public_certs": []}).encode())}
    return fake, Issuers(fake)


async def test_cloudflare_access_tokens_work_as_those_of_one_issuer() -> None:
    fake, issuers = access_idp()
    identity = await accepted(issuers, access(), settings(ACCESS))
    assert (identity.kind, identity.user, identity.metadata) == ("user", "alice@example.com", {"cf.user_id": "u-1"})
    assert identity.person is not None and identity.person.country == "US"
    service = await accepted(
        issuers, access(sub="", common_name="88bf3b6d86161464f6509f7219099e57.access", email=None), settings(ACCESS)
    )
    assert (service.kind, service.service) == ("service", "88bf3b6d86161464f6509f7219099e57.access")
    assert service.metadata == {}
    assert set(fake.asked) == {"/cdn-cgi/access/certs"}
    session = await refused(issuers, access(type="org"), settings(ACCESS))
    assert "session" in session.message
    assert (await refused(issuers, access(sub="", email=None), settings(ACCESS))).code == "token_invalid"


async def test_cloudflare_access_tells_groups_for_the_cookie() -> None:
    fake, issuers = access_idp()
    groups = [{"id": "1", "name": "eng"}, {"id": "2", "name": "ops"}]
    fake.says("/cdn-cgi/access/get-identity", user_uuid="u-1", email="alice@example.com", groups=groups)
    text = access()
    snapshot = settings({**ACCESS, "groups_from": "userinfo"})
    assert (await accepted(issuers, text, snapshot)).groups == ("eng", "ops")
    assert fake.headers[-1] == {"cookie": f"CF_Authorization={text}"}


async def test_an_id_token_is_good_for_the_sign_in_it_was_made_for() -> None:
    fake, issuers = idp()
    fake.says("/me", sub="u-1", groups=["ops"])
    issuer = trusted({"client_id": "web", "audience": "api"}).all()[0]

    async def answer(**others: Any) -> Identity | Refusal:
        return await issuers.verify_id_token(issuer, token(claims(aud="web", nonce="n-1", **others)), "n-1", NOW)

    signed_in = await answer()
    assert isinstance(signed_in, Identity) and signed_in.user == "alice@example.com"
    assert isinstance(await answer(azp="web"), Identity)
    text = token(claims(aud="web", nonce="n-1"))
    for nonce in ("n-2", "", "n-1 "):
        assert isinstance(await issuers.verify_id_token(issuer, text, nonce, NOW), Refusal)
    for others in ({"azp": "other"}, {"exp": 1}):
        assert isinstance(await answer(**others), Refusal)
    for bad_claims in (claims(aud="api", nonce="n-1"), claims(aud="web"), claims(aud=["web", "x"], nonce="n-1")):
        assert isinstance(await issuers.verify_id_token(issuer, token(bad_claims), "n-1", NOW), Refusal)
    asked = trusted({"client_id": "web", "groups_from": "userinfo", "userinfo_url": f"{ISSUER}/me"}).all()[0]
    with_groups = await issuers.verify_id_token(asked, text, "n-1", NOW, access_token="opaque")
    assert isinstance(with_groups, Identity) and with_groups.groups == ("ops",)
    assert fake.headers[-1] == {"authorization": "Bearer opaque"}
    without_client = trusted({}).all()[0]
    assert isinstance(await issuers.verify_id_token(without_client, text, "n-1", NOW), Refusal)


STEPS = ("read_token", "why_not", "identity_of", "groups_elsewhere", "of_whom", "_meant", "audiences")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("error", [ValueError, KeyError, RuntimeError, RecursionError, MemoryError])
async def test_whatever_step_breaks_nobody_is_let_in(
    step: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, issuers = idp()
    text = token()

    def breaks(*_: Any, **__: Any) -> Any:
        raise error(text)

    monkeypatch.setattr(module, step, breaks)
    snapshot = msgspec.structs.replace(
        SETTINGS, gateways=world.snapshot(gateways=[{"slug": "default", "authentication": "none"}]).gateways
    )
    request = world.request(credentials=(Credential(b"authorization", text),), received_at=NOW)
    found = authenticate(request, snapshot, await issuers.tokens(request, snapshot))
    assert isinstance(found, Refusal) and found.code == "issuer_unavailable" and found.status == 503
    assert text not in caplog.text and text not in str(found)
    issuer = msgspec.structs.replace(SETTINGS.issuers.all()[0], client_id="web")
    if step in ("read_token", "why_not", "audiences"):
        assert isinstance(await issuers.verify_id_token(issuer, text, "n", NOW), Refusal)


@pytest.mark.parametrize("step", ["fetch", "discover", "signed", "candidates"])
async def test_whatever_breaks_behind_it_nobody_is_let_in(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tollway.identity.keyset import KeySet
    from tollway.proxy.discovery import Discoverer

    _, issuers = idp()

    def breaks(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a defect")

    owner: Any = {"fetch": FakeIssuer, "discover": Discoverer, "signed": KeySet, "candidates": KeySet}[step]
    monkeypatch.setattr(owner, step, breaks)
    assert (await refused(issuers, token())).code == "issuer_unavailable"


async def test_discovery_that_fails_says_so() -> None:
    fake, issuers = idp()
    issuer = SETTINGS.issuers.all()[0]
    assert (await issuers.discover(issuer, NOW)).jwks_uri == f"{ISSUER}/keys"
    fake.down = True
    with pytest.raises(IssuerUnavailable, match="company"):
        await issuers.discover(issuer, NOW + 2 * HOUR)
    assert isinstance(FetchFailed("x"), Exception)


async def test_the_state_of_an_issuer_can_be_asked_and_is_forgotten_with_it() -> None:
    fake, issuers = idp()
    issuer = SETTINGS.issuers.all()[0]
    assert issuers.state(issuer) is None
    state = await issuers.refresh(issuer, NOW)
    assert (state.keys, state.fetched_at, state.error) == (("a", "e", "o"), NOW, "")
    issuers.forget(SETTINGS)
    assert issuers.state(issuer) == state
    issuers.forget(PLAIN)
    assert issuers.state(issuer) is None
    fake.down = True
    assert (await issuers.refresh(issuer, NOW)).error != ""


async def _quiet() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_no_change_of_a_single_character_is_accepted() -> None:
    _, issuers = idp()
    text = token(algorithm="EdDSA", name="o")
    await accepted(issuers, text)
    for place, character in enumerate(text):
        for other in {"A", "-", "."} - {character}:
            changed = text[:place] + other + text[place + 1 :]
            assert issuers.known(changed, SETTINGS, NOW) is None
            await refused(issuers, changed)


async def test_a_new_key_under_an_old_name_is_learned_too() -> None:
    fake, issuers = idp()
    await accepted(issuers, token())
    renewed = private_key("RS256", "renewed")
    fake.publishes(jwk("RS256", "renewed", kid="a"))
    text = token(key=renewed)
    assert (await refused(issuers, text, now=NOW + 9_999)).code == "token_invalid"
    await accepted(issuers, text, now=NOW + 10_000)
    assert (await refused(issuers, token(), now=NOW + 10_001)).code == "token_invalid"


async def test_what_opens_nothing_hides_no_token_behind_it() -> None:
    _, issuers = idp()
    off = {"name": "off", "secret": "a-key-that-is-off", "user": "off@example.com", "enabled": False}
    gateways = [{"slug": "default"}, {"slug": "other"}]
    written = world.snapshot(keys=[off], gateways=gateways)
    elsewhere = {"name": "elsewhere", "audience": "x", "gateways": ["other"]}
    snapshot = msgspec.structs.replace(written, issuers=trusted({}, elsewhere, gateways=("default", "other")))
    for first in ("a-key-that-is-off", token(claims(aud="x"))):
        request = world.request(
            credentials=(Credential(b"x-api-key", first), Credential(b"authorization", token())), received_at=NOW
        )
        identity = authenticate(request, snapshot, await issuers.tokens(request, snapshot))
        assert isinstance(identity, Identity) and identity.user == "alice@example.com", first
        alone = msgspec.structs.replace(request, credentials=request.credentials[:1])
        assert isinstance(authenticate(alone, snapshot, await issuers.tokens(alone, snapshot)), Refusal)
