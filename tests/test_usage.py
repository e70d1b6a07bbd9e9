import pytest

from tollway.errors import UsageInvalid
from tollway.usage import Report, Usage


def test_nothing_reported_is_consistent_and_not_zero() -> None:
    usage = Usage()
    usage.check()
    assert all(getattr(usage, name) is None for name in usage.__struct_fields__)
    assert Report().usage is None


@pytest.mark.parametrize("name", Usage.__struct_fields__)
def test_no_count_is_negative(name: str) -> None:
    with pytest.raises(UsageInvalid, match=f"{name} is -1"):
        Usage(**{name: -1}).check()


@pytest.mark.parametrize(
    "usage",
    [
        Usage(input_tokens=10, cache_read_input_tokens=10),
        Usage(input_tokens=10, cache_read_input_tokens=4, cache_creation_input_tokens=6),
        Usage(output_tokens=5, reasoning_output_tokens=5),
        Usage(input_tokens=0, output_tokens=0),
    ],
)
def test_a_part_may_be_the_whole(usage: Usage) -> None:
    usage.check()


@pytest.mark.parametrize(
    "usage",
    [
        Usage(input_tokens=10, cache_read_input_tokens=11),
        Usage(input_tokens=10, cache_read_input_tokens=5, cache_creation_input_tokens=6),
        Usage(cache_read_input_tokens=1),
        Usage(output_tokens=5, reasoning_output_tokens=6),
        Usage(reasoning_output_tokens=1),
    ],
)
def test_a_part_is_never_larger_than_its_whole(usage: Usage) -> None:
    with pytest.raises(UsageInvalid, match="exceed"):
        usage.check()
