from tollway.autorouting.text import HEAD_CHARACTERS, TAIL_CHARACTERS, cut


def test_a_prompt_that_is_not_long_is_read_whole() -> None:
    prompt = "a" * (HEAD_CHARACTERS + TAIL_CHARACTERS)
    assert cut(prompt) == prompt


def test_of_a_long_prompt_both_ends_are_read() -> None:
    read = cut("first " + "x" * 1_000_000 + " last")
    assert read.startswith("first x")
    assert read.endswith("x last")
    assert len(read) == HEAD_CHARACTERS + 1 + TAIL_CHARACTERS
