from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.shown import MOST_BYTES, Shown


@given(st.lists(st.text(max_size=20), max_size=1_200), st.integers(0, 50))
def test_how_text_was_cut_into_pieces_is_not_seen_any_more(pieces: list[str], framing: int) -> None:
    shown = Shown()
    shown.answer(framing)
    size = 0
    for piece in pieces:
        length = len(piece.encode(errors="surrogatepass"))
        shown.add(0, piece, length)
        size += length
    kept = shown.kept(size + framing, b"")
    assert "".join(kept.texts) == "".join(pieces)
    assert (kept.other_bytes, kept.answers) == (0, 1)
    assert len(kept.largest) == max(map(len, pieces), default=0)


def test_text_of_several_answers_is_counted_apart() -> None:
    shown = Shown()
    for choice, text in ((0, "un"), (1, "over"), (0, "believable"), (1, "all")):
        shown.add(choice, text, len(text))
    assert shown.kept(30, b"").texts == ("unbelievable", "overall")


def test_what_is_not_text_stays_a_matter_of_its_bytes() -> None:
    shown = Shown()
    shown.add(0, "word", 4)
    assert shown.kept(104, b"").other_bytes == 100


def test_the_beginning_of_an_event_is_text_of_its_own() -> None:
    shown = Shown()
    shown.add(0, "word", 4)
    kept = shown.kept(4 + 12, b'data: {"a": ')
    assert kept.texts == ("word", 'data: {"a": ')
    assert kept.other_bytes == 0


def test_what_is_beyond_the_bound_counts_by_its_bytes() -> None:
    shown = Shown()
    half = "x" * (MOST_BYTES // 2)
    for _ in range(3):
        shown.add(0, half, len(half))
    shown.add(0, "y", 1)
    kept = shown.kept(3 * len(half) + 1, b"")
    assert kept.texts == (half + half,)
    assert kept.other_bytes == len(half) + 1


def test_a_stream_of_countless_strands_is_bounded() -> None:
    shown = Shown()
    for index in range(2_000):
        shown.add(index, "x", 1)
    kept = shown.kept(2_000, b"")
    assert len(kept.texts) == 512
    assert kept.other_bytes == 2_000 - 512
