from hypothesis import given
from hypothesis import strategies as st

from tollway.proxy.upstream.head import HeadWriter, host_line

HOST = host_line("api.example")
TOKEN = st.text("abcXYZ019-_.!~", min_size=1, max_size=12).map(str.encode)
VALUE = st.binary(max_size=40)


def test_a_head_is_written_byte_for_byte() -> None:
    head = HeadWriter().write("POST", b"/v1/x?y=1", HOST, [(b"accept", b"*/*"), (b"X-A", b"")], 12)
    assert head == (
        b"POST /v1/x?y=1 HTTP/1.1\r\nhost: api.example\r\naccept: */*\r\nX-A: \r\ncontent-length: 12\r\n\r\n"
    )


def test_a_method_that_may_have_no_body_says_no_length_when_it_has_none() -> None:
    writer = HeadWriter()
    assert writer.write("GET", b"/", HOST, [], 0) == b"GET / HTTP/1.1\r\nhost: api.example\r\n\r\n"
    assert writer.write("POST", b"/", HOST, [], 0).endswith(b"\r\ncontent-length: 0\r\n\r\n")
    assert writer.write("DELETE", b"/", HOST, [], 2).endswith(b"\r\ncontent-length: 2\r\n\r\n")


def test_an_unknown_method_is_refused() -> None:
    for method in ("CONNECT", "post", "", "GET / HTTP/1.1\r\nX:"):
        try:
            HeadWriter().write(method, b"/", HOST, [], 0)
        except ValueError as error:
            assert repr(method) in str(error)
        else:
            raise AssertionError(method)


@given(st.lists(st.tuples(TOKEN | VALUE, VALUE), max_size=8), st.integers(0, 10**9))
def test_whatever_the_headers_are_a_head_has_exactly_their_lines_or_is_refused(
    headers: list[tuple[bytes, bytes]], length: int
) -> None:
    writer = HeadWriter()
    for _ in range(2):  # the second time from memory
        try:
            head = writer.write("POST", b"/", HOST, headers, length)
        except ValueError:
            assert any(
                b"\r" in value or b"\n" in value or b"\0" in value or not _is_token(name) for name, value in headers
            )
            continue
        assert head.endswith(b"\r\n\r\n")
        lines = head[:-4].split(b"\r\n")
        assert lines[:2] == [b"POST / HTTP/1.1", b"host: api.example"]
        assert lines[2:-1] == [name + b": " + value for name, value in headers]
        assert lines[-1] == b"content-length: %d" % length
        assert b"\n" not in b"".join(lines)
        assert b"\r" not in b"".join(lines)


def _is_token(name: bytes) -> bool:
    allowed = b"!#$%&'*+-.^_`|~"
    return bool(name) and all(chr(byte).isascii() and (chr(byte).isalnum() or byte in allowed) for byte in name)


def test_what_is_remembered_of_names_is_bounded() -> None:
    writer = HeadWriter()
    for number in range(5_000):
        writer.write("GET", b"/", HOST, [(b"x-%d" % number, b"1")], 0)
    assert len(writer._prefixes) <= 1024
    assert b"\r\nx-4999: 1\r\n" in writer.write("GET", b"/", HOST, [(b"x-4999", b"1")], 0)
