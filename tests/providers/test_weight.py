import pytest

from tollway.providers.weight import ALWAYS_LIGHT, MOST_BYTES, MOST_COMMAS, is_heavy


@pytest.mark.parametrize(
    ("body", "content_type", "heavy"),
    [
        (b"", b"", False),
        (b"," * ALWAYS_LIGHT, b"application/json", False),
        (b"," * (ALWAYS_LIGHT + 1), b"application/json", True),
        (b"x" * ALWAYS_LIGHT + b"," * MOST_COMMAS, b"application/json", False),
        (b"x" * ALWAYS_LIGHT + b"," * (MOST_COMMAS + 1), b"application/json", True),
        (b"x" * MOST_BYTES, b"application/json", False),
        (b"x" * (MOST_BYTES + 1), b"application/json", True),
        (b"x" * ALWAYS_LIGHT, b"multipart/form-data; boundary=b", False),
        (b"x" * (ALWAYS_LIGHT + 1), b"multipart/form-data; boundary=b", True),
    ],
    ids=["empty", "short", "members", "text", "text of members", "large text", "too large", "short form", "form"],
)
def test_a_body_is_heavy_by_its_values_and_by_its_size(body: bytes, content_type: bytes, heavy: bool) -> None:
    assert is_heavy(body, content_type) is heavy
