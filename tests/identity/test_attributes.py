import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.identity.attributes import (
    LONGEST_NAME,
    LONGEST_VALUE,
    MetadataInvalid,
    all_metadata,
    facts_of,
    read_metadata,
    with_target,
)
from tollway.identity.identity import ANONYMOUS, Identity
from tollway.match import WRITTEN_MODEL, Match

ALICE = Identity(kind="user", user="alice", groups=("eng", "ml"), key="laptop", metadata={"team": "ml"})


def test_no_header_is_no_metadata() -> None:
    assert read_metadata(None) == {}


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ("{}", {}),
        ('{"a":"x","b":3,"c":2.5,"d":true,"e":false}', {"a": "x", "b": "3", "c": "2.5", "d": "true", "e": "false"}),
        ('{"a":""}', {"a": ""}),
        ('{"a":123456789012345678901234}', {"a": "123456789012345678901234"}),
        ('{"größe":"ü"}', {"größe": "ü"}),
        (json.dumps({"a" * LONGEST_NAME: "x" * LONGEST_VALUE}), {"a" * LONGEST_NAME: "x" * LONGEST_VALUE}),
    ],
)
def test_scalars_are_read_as_text(header: str, read: dict[str, str]) -> None:
    assert read_metadata(header) == read


@pytest.mark.parametrize(
    "header",
    [
        "", " ", "null", "[]", '"a"', "1", "{", '{"a":null}', '{"a":{}}', '{"a":[1]}', '{"a":NaN}', '{"a":1e309}',
        '{"a":Infinity}', '{"a":1}{"b":2}', '{"a":1},{"b":2}', '{"a":1,}', "{'a':1}", '{"a":"\\ud800"}', '{"a":"\udce9"}',
        '{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"":1}', '{"cf.user_id":"x"}', '{"tollway.x":"x"}',
        '{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}', json.dumps({"a": "x" * (LONGEST_VALUE + 1)}),
        json.dumps({"a" * (LONGEST_NAME + 1): "x"}), '{"a":"x\\ny"}', '{"a":"\\u0000"}', '{"a\\r":"x"}', '{"a":"\\u202e"}',
        '{"a":' + "[" * 20_000, '{"a":' + "9" * 20_000 + "}",
    ],
)  # fmt: skip
def test_anything_else_is_an_error_and_nothing_of_it_is_used(header: str) -> None:
    read = read_metadata(header)
    assert isinstance(read, MetadataInvalid)
    assert read.message.endswith(".") and len(read.message) < 1000


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (
            '{"a":1,"team":null}',
            'The metadata value of "team" is null; send a string, a number or a boolean, or leave it out.',
        ),
        ('{"team":["x"]}', 'The metadata value of "team" is a list; '),
        ('{"team":{}}', 'The metadata value of "team" is an object; '),
        ("[]", "The metadata header is a list; send a flat object of strings, numbers and booleans"),
        ("true", "The metadata header is a boolean; "),
        (
            "{'a':1}",
            'The metadata header is no JSON; send a flat object of strings, numbers and booleans, such as {"team": "ml"}.',
        ),
    ],
)
def test_what_is_wrong_is_told_by_its_key_and_with_the_way_out(header: str, said: str) -> None:
    read = read_metadata(header)
    assert isinstance(read, MetadataInvalid)
    assert read.message.startswith(said)


@given(st.text(max_size=60))
def test_no_header_breaks_the_reader(header: str) -> None:
    assert isinstance(read_metadata(header), dict | MetadataInvalid)


SCALARS = st.text(max_size=20) | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.text(alphabet="abc", min_size=1, max_size=3), SCALARS, max_size=5))
def test_different_values_stay_different(declared: dict[str, object]) -> None:
    read = read_metadata(json.dumps(declared))
    if isinstance(read, dict):
        assert list(read) == list(declared)
        assert all(
            text == value or json.loads(text) == value
            for text, value in zip(read.values(), declared.values(), strict=True)
        )


def test_what_a_key_proves_outranks_what_its_bearer_declares() -> None:
    facts = facts_of(ALICE, "default", {"team": "sales", "app": "chat"})
    assert (facts["metadata.team"].values, facts["metadata.team"].source) == (("ml",), "key")
    assert (facts["metadata.app"].values, facts["metadata.app"].source) == (("chat",), "header")
    assert all_metadata(facts) == {"team": "ml", "app": "chat"}


def test_nothing_that_is_declared_can_stand_for_who_is_asking() -> None:
    facts = facts_of(
        ANONYMOUS, "default", {"user": "root", "group": "admins", "gateway": "other", "model": "free", "key": "k"}
    )
    assert set(facts) == {"gateway"} | {f"metadata.{name}" for name in ("user", "group", "gateway", "model", "key")}
    assert facts["gateway"].values == ("default",)


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=5))
def test_a_declared_value_never_passes_where_proof_is_asked(declared: dict[str, str]) -> None:
    facts = with_target(facts_of(ALICE, "default", declared), "openai", "gpt-4o")
    for name in declared:
        proven = Match(f"metadata.{name}", ("*", declared[name])).holds(facts, proven=True)
        assert proven == (name == "team")


def test_every_fact_of_an_identity_is_there() -> None:
    facts = facts_of(ALICE, "g", {})
    assert {name: fact.values for name, fact in facts.items()} == {
        "metadata.team": ("ml",), "gateway": ("g",), "user": ("alice",), "key": ("laptop",), "group": ("eng", "ml"),
    }  # fmt: skip
    assert facts_of(Identity(kind="service", service="s"), "g", {})["service"].values == ("s",)


def test_a_model_is_known_by_its_full_and_its_bare_name() -> None:
    before = facts_of(ALICE, "g", {})
    facts = with_target(before, ("openai",), "gpt-4o")
    assert facts["model"].values == ("openai/gpt-4o", "gpt-4o") and facts["provider"].values == ("openai",)
    assert "model" not in before
    assert "model" not in with_target(before, ("openai",), None)


def test_a_model_in_capitals_is_the_same_model() -> None:
    assert with_target({}, ("openai",), "GPT-4o")["model"] == with_target({}, ("openai",), "gpt-4o")["model"]


def test_a_provider_and_its_models_are_known_by_every_name_the_one_written_first() -> None:
    facts = with_target({}, ("grok", "xai"), "grok-4-0709", also=("grok-4", ""))
    assert facts["provider"].values == ("grok", "xai")
    assert facts["model"].values == (
        *("grok/grok-4-0709", "xai/grok-4-0709", "grok/grok-4", "xai/grok-4", "grok-4-0709", "grok-4"),
    )


def test_what_permits_knows_a_model_by_fewer_names_than_what_counts_it() -> None:
    found = with_target({}, ("azure", "Azure-OpenAI"), "Prod", alike=["gpt-5"], also=["gpt-5", "gpt-5-codex", ""])
    assert found["model"].values[-3:] == ("prod", "gpt-5", "gpt-5-codex")
    assert "azure-openai/gpt-5-codex" in found["model"].values
    assert found[WRITTEN_MODEL].values == (
        "azure/prod", "azure-openai/prod", "azure/gpt-5", "azure-openai/gpt-5", "prod", "gpt-5",
    )  # fmt: skip
    assert WRITTEN_MODEL not in with_target({}, ("openai",), "gpt-5", also=["GPT-5"])
    assert WRITTEN_MODEL not in with_target({}, ("openai",), None, also=["x"])


def test_a_name_that_reads_like_another_providers_permits_nothing() -> None:
    found = with_target({}, ("openrouter",), "openai/gpt-5", foreign={"openai"})
    assert found["model"].values == ("openrouter/openai/gpt-5", "openai/gpt-5")
    assert found[WRITTEN_MODEL].values == ("openrouter/openai/gpt-5",)
