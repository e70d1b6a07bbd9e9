import subprocess
import sys

import msgspec
import pytest
import toktok  # pyright: ignore[reportMissingTypeStubs]
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.shown import Shown
from tollway.providers.vocabularies import Name
from tollway.proxy.tokens import count, count_all

VOCABULARY = toktok._encoding("o200k_base")


@pytest.mark.parametrize(
    ("text", "name", "tokens"),
    [
        ("Hello! How can I assist you today?", "o200k_base", 9),
        ("tiktoken is great!", "cl100k_base", 6),
        ("<|endoftext|>", "o200k_base", 7),
        ("", "o200k_harmony", 0),
    ],
)
def test_text_has_the_tokens_that_openai_counts(text: str, name: Name, tokens: int) -> None:
    assert count([text], name) == [tokens]


@given(st.text(max_size=300), st.data())
def test_what_is_counted_is_the_same_however_a_stream_was_cut_into_pieces(text: str, data: st.DataObject) -> None:
    billed = len(VOCABULARY.encode_ordinary(text))
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    shown = Shown()
    for start, end in zip([0, *places], [*places, len(text)], strict=True):
        shown.add(0, text[start:end], len(text[start:end].encode()))
    kept = shown.kept(shown.kept_bytes, b"")
    counted = count_all("o200k_base", [part.encode() for part in kept.texts], None, b"")
    assert sum(counted.shown) == billed
    assert kept.other_bytes == 0


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_no_text_has_more_tokens_than_bytes(text: str) -> None:
    names: tuple[Name, ...] = ("o200k_base", "cl100k_base", "claude", "claude-4.7")
    # Normalisation may lengthen a text, so Qwen's is not among them.
    assert all(count([text], name)[0] <= len(text.encode()) for name in names)


@pytest.mark.parametrize(
    ("text", "older", "newer"),
    [
        # What ctok 1.3, a reconstruction, says of the vocabularies before and since Opus 4.7, framing left out.
        ("The quick brown fox jumps over the lazy dog.", 10, 15),
        ("THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG AND RUNS AWAY FROM IT " * 3, 60, 120),
        ("Donaudampfschifffahrtsgesellschaftskapitän trinkt morgens Kaffee und liest die Zeitung. " * 4, 120, 170),
        ("ประเทศไทยเป็นประเทศที่สวยงามมาก มีอาหารอร่อยหลายอย่าง " * 4, 160, 160),
        ("=" * 600, 40, 40),
    ],
)
def test_claude_is_bounded_by_its_ratio_and_never_by_more_than_bytes(text: str, older: int, newer: int) -> None:
    assert older <= count([text], "claude")[0] <= len(text.encode())
    assert newer <= count([text], "claude-4.7")[0] <= len(text.encode())


def test_a_run_of_signs_counts_by_its_bytes_for_claude() -> None:
    assert count(["=" * 600], "o200k_base")[0] < 30
    assert count(["=" * 600], "claude") == [600]


def test_a_request_is_counted_with_what_was_shown() -> None:
    body = msgspec.json.encode({"messages": [{"role": "user", "content": "Say this is a test"}]})
    found = count_all("o200k_base", [b"This is", b" a test."], "openai.chat", body)
    assert (found.shown, found.prompt_tokens, found.messages, found.plain) == ((2, 3), 5, 1, True)
    assert count_all("o200k_base", [b"This"], None, b"").prompt_tokens is None
    assert count_all("o200k_base", [b"This"], "openai.chat", b"{").prompt_tokens is None


def test_half_a_character_counts_for_no_less_than_it_is() -> None:
    whole = count_all("o200k_base", ["🧠".encode()], None, b"").shown[0]
    assert count_all("o200k_base", ["🧠".encode()[:3]], None, b"").shown[0] <= whole + 1
    assert count_all("o200k_base", [b"\xed\xa0\x80"], None, b"").shown[0] >= 1


def test_a_gateway_that_never_counts_has_no_vocabulary_in_its_memory() -> None:
    program = "import sys, tollway, tollway.app, tollway.proxy.tokens; print('toktok' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "False"
