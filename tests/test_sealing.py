"""What is sealed opens under its own name and its own master key, and under nothing else."""

import random
import secrets
from base64 import b64encode, urlsafe_b64encode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.errors import SettingsInvalid
from tollway.sealing import LocalMaster, SealBroken, Sealed, read_master, rewrap, seal, unseal

ONE, OTHER = LocalMaster(random.Random(1).randbytes(32)), LocalMaster(random.Random(2).randbytes(32))


@given(st.text(max_size=200), st.text(min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_what_is_sealed_comes_back(secret: str, about: str, lots: random.Random) -> None:
    if any("\ud800" <= c <= "\udfff" for c in secret + about):
        return
    sealed = seal(secret, about, ONE, lots.randbytes)
    assert unseal(sealed, about, [OTHER, ONE]) == secret
    moved = rewrap(sealed, about, [ONE], OTHER, lots.randbytes)
    assert moved.secret == sealed.secret and moved.master == OTHER.id
    assert unseal(moved, about, [OTHER]) == secret
    again = msgspec.json.decode(msgspec.json.encode(moved), type=Sealed)
    assert unseal(again, about, [OTHER]) == secret


def test_no_two_seals_of_a_secret_are_alike_and_none_shows_it() -> None:
    made = [seal("sk-canary", "openai/default", ONE, secrets.token_bytes) for _ in range(50)]
    assert len({each.secret for each in made}) == len({each.data_key for each in made}) == 50
    assert not any(b"canary" in msgspec.json.encode(each) for each in made)


def test_a_sealed_secret_does_not_open_under_another_name() -> None:
    sealed = seal("sk-1", "openai/default", ONE, secrets.token_bytes)
    with pytest.raises(SealBroken, match='"anthropic/default"'):
        unseal(sealed, "anthropic/default", [ONE])


def test_a_secret_cannot_be_put_in_the_place_of_another_under_its_data_key() -> None:
    one, two = (seal(text, "openai/default", ONE, secrets.token_bytes) for text in ("sk-1", "sk-2"))
    with pytest.raises(SealBroken):
        unseal(msgspec.structs.replace(one, secret=two.secret), "openai/default", [ONE])


def test_a_master_key_that_is_not_there_is_named_with_the_way_out() -> None:
    sealed = seal("sk-1", "openai/default", ONE, secrets.token_bytes)
    with pytest.raises(SealBroken, match=f"{ONE.id}.*TOLLWAY_MASTER_KEY_PREVIOUS"):
        unseal(sealed, "openai/default", [OTHER])
    with pytest.raises(SealBroken):
        rewrap(sealed, "openai/default", [OTHER], OTHER, secrets.token_bytes)


@settings(max_examples=300)
@given(st.data())
def test_no_changed_bit_goes_unnoticed(data: st.DataObject) -> None:
    sealed = seal("sk-secret", "openai/default", ONE, random.Random(3).randbytes)
    field = data.draw(st.sampled_from(["data_key", "secret"]))
    content = bytearray(getattr(sealed, field))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SealBroken):
        unseal(msgspec.structs.replace(sealed, **{field: bytes(content)}), "openai/default", [ONE])


@pytest.mark.parametrize("field", ["data_key", "secret"])
def test_what_is_cut_short_does_not_open(field: str) -> None:
    sealed = seal("sk-secret", "openai/default", ONE, secrets.token_bytes)
    for length in range(len(getattr(sealed, field))):
        with pytest.raises(SealBroken):
            unseal(msgspec.structs.replace(sealed, **{field: getattr(sealed, field)[:length]}), "openai/default", [ONE])


def test_a_master_key_is_read_in_every_spelling() -> None:
    key = random.Random(4).randbytes(32)
    spellings = [
        key.hex(),
        key.hex().upper(),
        b64encode(key).decode(),
        urlsafe_b64encode(key).decode().rstrip("=") + "\n",
    ]
    assert {read_master(spelling, "here").id for spelling in spellings} == {LocalMaster(key).id}


@pytest.mark.parametrize(
    "text", ["", "change-me", "0" * 64, "00112233" * 8, b64encode(b"passwordpasswordpasswordpassword").decode(), "ä" * 44,
             b64encode(bytes(range(31))).decode(), b64encode(bytes(range(33))).decode()],
)  # fmt: skip
def test_a_weak_master_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"TOLLWAY_MASTER_KEY.*openssl rand") as refused:
        read_master(text, "TOLLWAY_MASTER_KEY")
    assert not text or text not in str(refused.value)


def test_a_master_key_shows_nothing_of_itself() -> None:
    key = random.Random(5).randbytes(32)
    assert key.hex()[:8] not in repr(LocalMaster(key)) and repr(LocalMaster(key)).startswith("LocalMaster('local:")
