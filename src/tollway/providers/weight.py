"""Whether JSON, or a form, may take long to read.

What costs is not a body's length but how many values it has: ten megabytes of text are read in 4 ms, ten megabytes of
`{},{},` in 1.6 s. All values but one of an array or object stand beside a comma, so commas are counted, which takes
half a microsecond a kilobyte.
"""

from tollway.providers.forms import is_form

ALWAYS_LIGHT = 8 * 1024
"""Bytes that are read in 2 ms whatever they are: 2,700 empty objects."""
MOST_COMMAS = 2_000
"""The dearest values that any API has (an object with a picture in it) take 2 µs each to read and to write."""
MOST_BYTES = 256 * 1024
"""Text with an escape at every other character takes 2 ns a byte, and is read up to three times over."""


def is_heavy(body: bytes, content_type: bytes = b"") -> bool:
    """Whether reading and rewriting `body` may take longer than a few milliseconds."""
    size = len(body)
    if size <= ALWAYS_LIGHT:
        return False
    # A form is cut at a boundary of the caller's choice, which may stand at every third byte.
    return size > MOST_BYTES or is_form(content_type) or body.count(b",") > MOST_COMMAS
