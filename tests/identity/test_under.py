import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.identity.under import seal_under, unseal_under
from tollway.sealing import SealBroken

PEPPER = b"p" * 32


@given(st.text(max_size=300), st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_what_was_sealed_is_read_with_the_same_token_alone(text: str, under: str, other: str) -> None:
    sealed = seal_under(text, under, PEPPER, os.urandom)
    assert unseal_under(sealed, under, PEPPER) == text
    if other != under:
        with pytest.raises(SealBroken):
            unseal_under(sealed, other, PEPPER)
    with pytest.raises(SealBroken):
        unseal_under(sealed, under, b"q" * 32)
    with pytest.raises(SealBroken):
        unseal_under(sealed[:-1] + bytes([sealed[-1] ^ 1]), under, PEPPER)
