from pathlib import Path
from typing import Any

import pytest
import world
from hypothesis import given
from hypothesis import strategies as st

from tollway.cli.kept_secrets import admin_token
from tollway.gateway import Provider, Secret
from tollway.identity.keys import holds_key, looks_like_ours
from tollway.providers.presets import BY_SLUG, KEY_HEADER
from tollway.proxy import headers as crossing
from tollway.request import Credential

OURS = "tw_0123456789ab_" + "x" * 49
COMPANY = "a-company-key-of-ours"
CHOSEN = "an-administrators-token-from-the-environment"
ADMINISTRATORS = "twadmin_" + "a-_Z" * 10 + "0_-"
FOREIGN = "sk-the-callers-own-provider-key"
CONFIGURED = "sk-configured-provider-key"


def provider(family: Any = "openai", key: str | None = CONFIGURED) -> Provider:
    return Provider(
        slug="p",
        family=family,
        base_url="https://p",
        api_key=Secret(key) if key is not None else None,
        key_header=KEY_HEADER[family],
    )


def crossed(
    headers: list[tuple[bytes, bytes]],
    credentials: list[tuple[bytes, str]] | None = None,
    *,
    to: Provider | None = None,
    caller_keys: bool = False,
) -> list[tuple[bytes, bytes]]:
    held = tuple(Credential(header, secret) for header, secret in credentials or [])
    request = world.request(headers=tuple(headers), credentials=held)
    return crossing.outgoing(
        request,
        to or provider(),
        caller_keys=caller_keys,
        is_ours=lambda secret: secret in (COMPANY, CHOSEN),
        never=(CHOSEN,),
    )


KEPT = [
    (b"content-type", b"application/json"), (b"user-agent", b"curl/8"), (b"anthropic-version", b"2023-06-01"),
    (b"anthropic-beta", b"a,b"), (b"openai-organization", b"org"), (b"x-stainless-lang", b"python"),
    (b"x-claude-code-session-id", b"1"), (b"accept", b"*/*"), (b"x-goog-api-client", b"gl"),
]  # fmt: skip
DROPPED = [
    b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
    b"transfer-encoding", b"upgrade", b"host", b"content-length", b"expect", b"forwarded", b"via", b"cookie", b"authorization",
    b"x-api-key", b"api-key", b"x-goog-api-key", b"accept-encoding", b"content-encoding", b"x-real-ip", b"true-client-ip",
    b"http2-settings", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-anything", b"tollway-authorization",
    b"tollway-metadata", b"tollway-anything", b"cf-aig-authorization", b"cf-aig-metadata", b"cf-connecting-ip",
    b"cf-access-client-secret", b"proxy-anything", b"x-http-method-override", b"x-http-method", b"x-method-override",
    b"x-goog-fieldmask", b"x-goog-field-mask", b"idempotency-key",
]  # fmt: skip


@pytest.mark.parametrize("header", KEPT)
def test_what_the_sdk_says_crosses_as_it_is(header: tuple[bytes, bytes]) -> None:
    assert header in crossed([header])


@pytest.mark.parametrize("name", DROPPED)
def test_what_is_private_or_of_the_connection_stays(name: bytes) -> None:
    assert (name, b"canary") not in crossed([(name, b"canary")])


def test_what_a_connection_header_names_stays_on_the_connection() -> None:
    headers = [
        (b"connection", b"close, X-Foo"), (b"x-foo", b"1"), (b"connection", b"x-bar ,accept"), (b"x-bar", b"2"),
        (b"accept", b"3"), (b"x-baz", b"4"),
    ]  # fmt: skip
    assert [name for name, _ in crossed(headers)] == [b"x-baz", b"accept-encoding", b"authorization"]


def test_a_connection_header_cannot_take_the_providers_key_away() -> None:
    found = crossed([(b"connection", b"authorization, accept-encoding, x-api-key")])
    assert (b"authorization", b"Bearer " + CONFIGURED.encode()) in found and (b"accept-encoding", b"identity") in found


@pytest.mark.parametrize(
    ("family", "header"),
    [
        ("openai", (b"authorization", b"Bearer " + CONFIGURED.encode())),
        ("anthropic", (b"x-api-key", CONFIGURED.encode())),
        ("google", (b"x-goog-api-key", CONFIGURED.encode())),
    ],
)
def test_the_providers_key_goes_in_its_own_header_once(family: Any, header: tuple[bytes, bytes]) -> None:
    found = crossed(
        [(name, b"x") for name in (b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key")], to=provider(family)
    )
    keys = [one for one in found if one[0] in (b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key")]
    assert keys == [header]


@pytest.mark.parametrize("key", [None, "none"])
def test_a_provider_that_takes_no_key_is_sent_none(key: str | None) -> None:
    assert crossed([], to=provider(key=key)) == [(b"accept-encoding", b"identity")]


@pytest.mark.parametrize("caller_keys", [False, True])
@pytest.mark.parametrize(
    "header", [b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key", b"?key", b"tollway-authorization"]
)
@pytest.mark.parametrize("secret", [OURS, COMPANY, CHOSEN, ADMINISTRATORS])
@pytest.mark.parametrize("configured", [CONFIGURED, None])
def test_a_gateway_key_is_never_taken_for_a_providers(
    caller_keys: bool, header: bytes, secret: str, configured: str | None
) -> None:
    found = crossed([], [(header, secret)], to=provider(key=configured), caller_keys=caller_keys)
    assert all(secret.encode() not in value for _, value in found)


def test_a_callers_own_key_is_used_where_the_gateway_lets_it() -> None:
    both = [(b"cf-aig-authorization", OURS), (b"authorization", FOREIGN)]
    assert (b"authorization", b"Bearer " + FOREIGN.encode()) in crossed([], both, caller_keys=True)
    assert (b"authorization", b"Bearer " + CONFIGURED.encode()) in crossed([], both, caller_keys=False)
    assert (b"x-api-key", FOREIGN.encode()) in crossed([], both, to=provider("anthropic"), caller_keys=True)


def test_the_secret_of_a_service_token_is_never_taken_for_a_providers_key() -> None:
    pair = Credential(b"authorization", "a-password-of-somebody", "a-client")
    request = world.request(credentials=(pair,))
    sent = crossing.outgoing(request, provider(), caller_keys=True, is_ours=lambda _: False)
    assert (b"authorization", f"Bearer {CONFIGURED}".encode()) in sent


def test_a_header_of_our_own_never_holds_a_providers_key() -> None:
    found = crossed(
        [], [(b"tollway-authorization", "sk-written-in-the-wrong-place")], to=provider(key=None), caller_keys=True
    )
    assert found == [(b"accept-encoding", b"identity")]


NAMES = st.sampled_from([*DROPPED, *(name for name, _ in KEPT), b"x-custom", b"x-litellm-api-key", b"authorization-2"])
SECRETS = st.sampled_from([OURS, COMPANY])
VALUES = st.one_of(
    SECRETS.map(str.encode),
    SECRETS.map(lambda secret: b"Bearer " + secret.encode()),
    SECRETS.map(lambda secret: b"key=" + secret.encode() + b"; x"),
    st.binary(max_size=10),
)


@given(
    st.lists(st.tuples(NAMES, VALUES), max_size=8),
    st.lists(
        st.sampled_from([b"authorization", b"x-api-key", b"?key", b"tollway-authorization", b"x-goog-api-key"]),
        unique=True,
    ),
    st.sampled_from(["openai", "anthropic", "google"]),
    st.booleans(),
)
def test_no_gateway_key_reaches_a_provider_in_any_header(
    headers: list[tuple[bytes, bytes]], stood_in: list[bytes], family: Any, caller_keys: bool
) -> None:
    # The caller showed both keys somewhere where they are looked for; they may also stand where they are not.
    credentials = [(header, secret) for header in stood_in or [b"authorization"] for secret in (OURS, COMPANY)]
    found = crossed(headers, credentials, to=provider(family), caller_keys=caller_keys)
    joined = b"\n".join(name + b": " + value for name, value in found)
    assert OURS.encode() not in joined and COMPANY.encode() not in joined
    assert joined.count(CONFIGURED.encode()) == 1


ELSES = b"tw_ab0123456789_" + b"Zz9" * 14 + b"q123456"


@pytest.mark.parametrize("value", [b"%s", b"Bearer %s", b"a=1; session=%s; b", b"https://x/?k=%s", b"tw_x %s"])
@pytest.mark.parametrize("name", [b"x-custom", b"user-agent", b"openai-organization", b"referer"])
def test_anybodys_gateway_key_stays_wherever_it_stands(name: bytes, value: bytes) -> None:
    for key in (ELSES, ELSES[:-6], ELSES.replace(b"_", b"%5F")):
        assert name not in dict(crossed([(name, value % key), (b"accept", b"*/*")]))


def test_what_only_begins_as_a_gateway_key_does_crosses() -> None:
    assert (b"x-custom", b"tw_0123456789ab_short") in crossed([(b"x-custom", b"tw_0123456789ab_short")])


@pytest.mark.parametrize("secret", [ELSES.decode(), "sk-" + ELSES.decode(), "sk-" + ELSES.decode().replace("_", "%5f")])
def test_a_credential_that_holds_a_gateway_key_is_no_providers(secret: str) -> None:
    found = crossed([], [(b"authorization", secret), (b"x-api-key", FOREIGN)], caller_keys=True)
    assert [value for name, value in found if name == b"authorization"] == [b"Bearer " + FOREIGN.encode()]


def test_a_short_credential_does_not_empty_the_request() -> None:
    assert (b"accept", b"x-y-z") in crossed([(b"accept", b"x-y-z")], [(b"authorization", "x")])


SHOWN = [
    b"content-type",
    b"request-id",
    b"retry-after",
    b"openai-processing-ms",
    b"anthropic-ratelimit-requests-limit",
    b"x-ratelimit-reset",
]


@pytest.mark.parametrize("name", SHOWN)
def test_a_caller_sees_what_its_sdk_reads(name: bytes) -> None:
    assert crossing.incoming([(name, b"1")]) == ((name, b"1"),)


@pytest.mark.parametrize(
    "name",
    [
        b"set-cookie", b"authorization", b"x-api-key", b"api-key", b"connection", b"transfer-encoding", b"content-length",
        b"tollway-cost-usd", b"tollway-budget", b"cf-aig-log-id", b"cf-ray", b"server", b"www-authenticate", b"location",
        b"alt-svc", b"strict-transport-security", b"access-control-allow-origin", b"x-custom", b"trailer", b"keep-alive",
    ],
)  # fmt: skip
def test_nothing_else_of_a_provider_reaches_a_caller(name: bytes) -> None:
    assert crossing.incoming([(name, b"1")]) == ()


@given(st.lists(st.tuples(st.sampled_from([*DROPPED, *SHOWN, b"set-cookie", b"x-debug"]), st.binary(max_size=9))))
def test_no_header_of_a_provider_poses_as_ours_or_frames_the_answer(headers: list[tuple[bytes, bytes]]) -> None:
    for name, _ in crossing.incoming(headers):
        # An encoding that nobody takes off is told to the caller, who must.
        assert name in (*SHOWN, b"content-encoding")


def test_the_first_of_several_values_counts() -> None:
    assert crossing.value_of([(b"a", b"1"), (b"b", b"2"), (b"b", b"3")], b"b") == b"2"
    assert crossing.value_of([], b"b") is None


@pytest.mark.parametrize(
    ("kind", "dialect", "header"),
    [
        ("google", "google", b"x-goog-api-key"),
        ("google", "openai", b"authorization"),
        ("azure", "openai", b"api-key"),
        ("azure", "anthropic", b"x-api-key"),
        ("aws-bedrock-mantle", "anthropic", b"x-api-key"),
        ("aws-bedrock-mantle", "openai", b"authorization"),
        ("deepseek", "anthropic", b"authorization"),
    ],
)
def test_a_key_goes_in_the_header_that_the_provider_takes_it_in_on_that_api(
    kind: str, dialect: Any, header: bytes
) -> None:
    preset = BY_SLUG[kind]
    found = Provider(slug="p", kind=kind, family=preset.family, base_url="https://p", key_header=preset.key_header)
    assert crossing.key_header(found, dialect) == header
    assert crossing.carries_key([(header, b"k")], found, dialect)
    assert not crossing.carries_key([(b"content-type", b"k")], found, dialect)


@pytest.mark.parametrize(
    "header", [b"cf-access-jwt-assertion", b"cf-access-token", b"cookie", b"x-id-token", b"tollway-authorization"]
)
def test_what_is_for_this_gateway_alone_is_never_taken_for_a_providers_key(header: bytes) -> None:
    sent = crossed([(header, FOREIGN.encode())], [(header, FOREIGN)], caller_keys=True)
    assert (b"authorization", b"Bearer " + CONFIGURED.encode()) in sent
    assert not any(FOREIGN.encode() in value for _, value in sent)


def test_tokens_of_people_who_signed_in_are_known_for_ours_wherever_they_stand() -> None:
    from tollway.identity.secrets import ACCESS, CODE, DEVICE, make_family, make_refresh_token, make_token

    def fixed(count: int) -> bytes:
        return b"\x5a" * count

    for token in (
        *(make_token(prefix, fixed) for prefix in (ACCESS, CODE, DEVICE)),
        make_refresh_token(make_family(fixed), fixed),
    ):
        assert holds_key(b"x=" + token.encode() + b";")
        assert holds_key(token.replace("_", "%5F").encode())
    assert not holds_key(b"twa_short")


@pytest.mark.parametrize("token", [CHOSEN, ADMINISTRATORS])
@pytest.mark.parametrize("value", ["{}", "Bearer {}", "x={};y", "%7B{}"])
def test_the_administrators_token_stays_here_in_whatever_header_it_stands(token: str, value: str) -> None:
    said = value.format(token).encode()
    assert [name for name, _ in crossed([(b"x-admin", said), (b"x-kept", b"1")])] == [
        b"x-kept", b"accept-encoding", b"authorization",
    ]  # fmt: skip


def test_a_token_that_is_made_for_an_administrator_has_the_shape_that_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOLLWAY_ADMIN_TOKEN", raising=False)
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        made = admin_token(folder)
        assert holds_key(made.encode()) and looks_like_ours(made)
