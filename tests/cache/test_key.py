"""Keys of kept answers: who shares with whom, and that nothing else is ever taken for the same."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tollway.cache.key import Scope, brought_keys, cache_key, owner_of, shared_by
from tollway.identity.identity import ANONYMOUS, Identity
from tollway.identity.person import Person
from tollway.request import Credential, InferenceRequest

BODY = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}'
REQUEST = InferenceRequest(
    id="0198",
    received_at=0,
    started_ns=0,
    method="POST",
    path="/v1/chat/completions",
    upstream_path="/v1/chat/completions",
    query=b"",
    headers=((b"content-type", b"application/json"), (b"authorization", b"Bearer a"), (b"user-agent", b"one")),
    content_type=b"application/json",
    body=BODY,
    api="openai.chat",
    dialect="openai",
    gateway="default",
    provider=None,
    credentials=(Credential(b"authorization", "a"),),
    metadata=None,
)
ALICE = Identity(kind="user", user="alice", key="alice-1")
BOB = Identity(kind="user", user="bob", key="bob-1")


def key(
    request: InferenceRequest = REQUEST, identity: Identity = ALICE, scope: Scope = "none", **given: Any
) -> bytes | None:
    return cache_key(
        request, **({"provider": "openai", "model": "gpt-4o-mini", "scope": scope, "identity": identity} | given)
    )


def changed(**fields: Any) -> InferenceRequest:
    return msgspec.structs.replace(REQUEST, **fields)


def test_the_same_request_has_the_same_key_whenever_and_by_whomever_it_is_sent() -> None:
    again = changed(
        id="0199",
        received_at=9,
        started_ns=9,
        headers=((b"user-agent", b"two"), (b"x-stainless-retry-count", b"1"), (b"authorization", b"Bearer b")),
        credentials=(Credential(b"authorization", "b"),),
        peer="10.0.0.1",
    )
    assert key(again, BOB) == key()


def test_whatever_may_change_the_answer_changes_the_key() -> None:
    others = [
        key(changed(body=BODY + b" ")),
        key(changed(body=BODY.replace(b"Hello", b"hello"))),
        key(changed(upstream_path="/v1/completions")),
        key(changed(query=b"alt=sse")),
        key(changed(method="PUT")),
        key(changed(gateway="other")),
        key(changed(api="openai.responses")),
        key(changed(content_type=b"text/plain")),
        key(changed(key_alias="second")),
        key(changed(headers=(*REQUEST.headers, (b"anthropic-beta", b"context-1m")))),
        key(changed(headers=(*REQUEST.headers, (b"anthropic-version", b"2023-06-01")))),
        key(changed(headers=(*REQUEST.headers, (b"openai-organization", b"org-2")))),
        key(
            changed(
                headers=(
                    *REQUEST.headers,
                    (b"x-nobody-knows", b"what"),
                )
            )
        ),
        key(provider="azure"),
        key(model="gpt-4o"),
        key(model=None),
        key(base_url="https://other.example"),
        key(brought=("digest",)),
        key(streams=True),
        key(custom="mine"),
        key(scope="user"),
    ]
    assert len({key(), *others}) == len(others) + 1


def test_fields_of_a_body_in_another_order_are_another_request() -> None:
    assert key(changed(body=b'{"a":1,"b":2}')) != key(changed(body=b'{"b":2,"a":1}'))


def test_headers_have_no_order_but_among_those_of_one_name() -> None:
    a, b, c = (b"anthropic-beta", b"one"), (b"openai-beta", b"x"), (b"anthropic-beta", b"two")
    assert key(changed(headers=(a, b))) == key(changed(headers=(b, a)))
    assert key(changed(headers=(a, c))) != key(changed(headers=(c, a)))


def test_a_header_that_a_token_came_in_is_no_part_of_the_key() -> None:
    mine = changed(headers=((b"x-company-token", b"aaa"),), credentials=(Credential(b"x-company-token", "aaa"),))
    theirs = changed(headers=((b"x-company-token", b"bbb"),), credentials=(Credential(b"x-company-token", "bbb"),))
    assert key(mine) == key(theirs)


def test_metadata_that_a_caller_declares_is_no_part_of_the_key() -> None:
    assert key(changed(metadata='{"team":"ml"}'), scope="team") == key(scope="team")


def test_a_name_of_the_callers_own_stands_for_the_request_and_for_nobody_else() -> None:
    other = changed(body=b"{}", upstream_path="/x", query=b"y", headers=())
    assert key(other, provider="azure", model="o3", custom="mine") == key(custom="mine")
    assert key(custom="mine") != key(custom="yours")
    assert key(identity=BOB, scope="user", custom="mine") != key(scope="user", custom="mine")
    for field, value in {"gateway": "other", "key_alias": "second", "api": "openai.responses"}.items():
        assert key(changed(**{field: value}), custom="mine") != key(custom="mine")
    assert key(custom="mine", brought=("digest",)) != key(custom="mine")
    # An answer in pieces is no answer to one who wants it whole.
    assert key(custom="mine", streams=True) != key(custom="mine")


def test_a_name_cannot_be_made_the_key_of_a_request() -> None:
    assert key(custom="") != key() and key(custom=BODY.decode()) != key()


def test_a_caller_without_a_name_shares_only_where_all_do() -> None:
    assert key(identity=ANONYMOUS, scope="user") is None
    assert key(identity=ANONYMOUS, scope="team") is None
    assert key(identity=ANONYMOUS, scope="none") == key()


def test_a_team_is_the_whole_set_of_groups() -> None:
    def of(*groups: str, **more: Any) -> bytes | None:
        return key(identity=Identity(kind="user", user=f"u{groups}", groups=groups, **more), scope="team")

    assert of("a", "b") == of("b", "a", "b")
    assert len({of("a"), of("b"), of("a", "b"), of("a,b"), of("a", metadata={"team": "x"})}) == 4


def test_without_groups_the_team_is_the_one_that_was_set_for_the_key() -> None:
    ml = Identity(kind="user", user="alice", metadata={"team": "ml"})
    also = Identity(kind="service", service="bot", metadata={"team": "ml", "project": "x"})
    group = Identity(kind="user", user="carol", groups=("ml",))
    assert key(identity=ml, scope="team") == key(identity=also, scope="team")
    assert key(identity=ml, scope="team") != key(identity=group, scope="team")


def test_whoever_is_in_no_team_shares_with_nobody() -> None:
    assert key(identity=ALICE, scope="team") != key(identity=BOB, scope="team")
    assert shared_by(ALICE, "team") == owner_of(ALICE)


def test_one_user_has_one_cache_with_all_keys() -> None:
    assert key(scope="user") == key(identity=Identity(kind="user", user="alice", key="alice-2"), scope="user")


def test_the_same_name_said_by_two_issuers_is_two_people() -> None:
    def person(issuer: str) -> Identity:
        return Identity(kind="user", user="alice", person=Person(issuer=issuer, subject="1"), source="token")

    one, other = person("https://a.example"), person("https://b.example")
    assert len({key(identity=each, scope="user") for each in (one, other, ALICE)}) == 3


def test_a_user_a_service_and_a_key_of_one_name_are_three() -> None:
    found = {
        key(identity=identity, scope="user")
        for identity in (
            Identity(kind="user", user="x"),
            Identity(kind="service", service="x"),
            Identity(kind="user", key="x"),
        )
    }
    assert len(found) == 3 and None not in found


def test_a_provider_key_that_was_brought_is_told_apart_from_our_own() -> None:
    sent = changed(
        credentials=(
            Credential(b"tollway-authorization", "gateway-key-0123456789"),
            Credential(b"authorization", "sk-mine"),
            Credential(b"x-api-key", "ours-0123456789abcdef"),
            Credential(b"api-key", "secret", client="client"),
        )
    )
    brought = brought_keys(sent, lambda secret: secret.startswith("ours-"))
    assert len(brought) == 1 and "sk-mine" not in brought[0]
    assert brought_keys(changed(credentials=(Credential(b"?key", "sk-mine"),)), lambda _: False) == brought
    assert brought_keys(changed(credentials=(Credential(b"authorization", "tw_anything"),)), lambda _: False) == ()


names = st.text(min_size=1, max_size=8)
identities = st.builds(
    Identity,
    kind=st.sampled_from(["user", "service"]),
    user=st.none() | names,
    service=st.none() | names,
    key=names,
    groups=st.lists(names, max_size=2).map(tuple),
    metadata=st.dictionaries(st.sampled_from(["team", "project"]), names, max_size=2),
    person=st.none() | st.builds(Person, issuer=names, subject=names),
)


@given(identities, identities, st.none() | st.text(max_size=20), st.none() | st.text(max_size=20), st.none() | names)
def test_two_callers_never_share_where_each_has_its_own_whatever_they_declare(
    one: Identity, other: Identity, metadata: str | None, theirs: str | None, custom: str | None
) -> None:
    first = key(changed(metadata=metadata), one, "user", custom=custom)
    second = key(changed(metadata=theirs), other, "user", custom=custom)
    assert first is not None and second is not None
    assert (first == second) == (owner_of(one) == owner_of(other))


@given(identities, identities)
def test_two_callers_share_as_a_team_only_with_the_same_groups_or_the_same_team(one: Identity, other: Identity) -> None:
    if key(identity=one, scope="team") != key(identity=other, scope="team"):
        return
    assert set(one.groups) == set(other.groups)
    assert (
        one.groups
        or one.metadata.get("team", "") == other.metadata.get("team", "") != ""
        or owner_of(one) == owner_of(other)
    )


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=8), st.binary(max_size=8))
def test_no_byte_of_a_body_or_a_query_can_be_moved_or_changed(
    one: bytes, other: bytes, mine: bytes, theirs: bytes
) -> None:
    first, second = key(changed(body=one, query=mine)), key(changed(body=other, query=theirs))
    assert (first == second) == ((one, mine) == (other, theirs))


@given(st.tuples(names, names, names, names), st.tuples(names, names, names, names))
def test_no_letter_of_provider_model_path_and_alias_can_be_moved_or_changed(
    one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    def of(provider: str, model: str, path: str, alias: str) -> bytes | None:
        return key(changed(upstream_path=path, key_alias=alias), provider=provider, model=model)

    assert (of(*one) == of(*other)) == (one == other)
