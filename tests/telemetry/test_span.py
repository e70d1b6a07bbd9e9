from tollway.telemetry.span import Span


def test_a_span_is_a_root_that_went_well_unless_it_says_otherwise() -> None:
    span = Span("a" * 32, "b" * 16, "", "chat", "server", 0, 1, {})
    assert (span.error, span.flags, span.state) == ("", 1, "")
