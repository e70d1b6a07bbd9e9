"""Streams that are cut anywhere: what a meter reports does not depend on where the pieces of a stream begin."""

from tollway.providers.codec import Codec


def assert_cut_anywhere(codec: Codec, body: bytes, *, feeds: int, strip_usage: bool = False) -> None:
    """Cuts `body` in two at as many places as make `feeds` bytes fed: at every one, of a short stream."""
    whole = codec.meter(strip_usage=False)
    whole.feed(body)
    whole.finish()
    for cut in range(0, len(body), max(1, len(body) * len(body) // feeds)):
        meter = codec.meter(strip_usage=strip_usage)
        first, second = body[:cut], body[cut:]
        assert meter.feed(first) is first
        assert meter.feed(second) is second
        assert meter.finish() == b""
        assert (meter.report(), meter.output_bytes, meter.complete) == (
            whole.report(),
            whole.output_bytes,
            whole.complete,
        )
