"""Answers of status 200 that are errors: found out, noted of their target, and shown without what identifies us."""

from tollway.exchange.steps import Forward
from tollway.providers.answered_error import LONGEST_OPENING, error_in, error_of
from tollway.providers.codec import Headers
from tollway.proxy import headers as crossing
from tollway.proxy.health import failed
from tollway.proxy.outcome import name_of
from tollway.proxy.reading import redacted
from tollway.proxy.world import World
from tollway.usage import Report


class Erring:
    """Watches one answer for being an error."""

    __slots__ = ("_command", "_headers", "_opening", "_world")

    def __init__(self, command: Forward, headers: Headers, world: World) -> None:
        """`headers`: those that were sent to the provider."""
        self._command = command
        self._headers = headers
        self._world = world
        self._opening = bytearray()

    def feed(self, plain: bytes) -> None:
        """Takes the next piece of a stream in; only its first ones are kept."""
        if len(self._opening) <= LONGEST_OPENING:
            self._opening += plain

    def whole(self, body: bytes, report: Report | None) -> int | None:
        """The status of the error that a whole answer is; `None` where it is none."""
        request = self._command.request
        if report is None or request.method != "POST":
            return None
        status = error_of(request.api, body, report)
        return self._noted(status) if status is not None else None

    def stream(self, reason: str, output_bytes: int, report: Report) -> int | None:
        """The status of the error that is all that a stream has told; `None` where there was more, or nothing."""
        opening = self._opening
        if reason not in ("complete", "broken_off") or not opening or len(opening) > LONGEST_OPENING:
            return None
        return self._noted(error_in(self._command.request.api, bytes(opening), output_bytes, report))

    def shown(self, raw: bytes, status: int) -> bytes:
        """The bytes of an answer as its caller may see them: a provider may repeat the key that it does not like."""
        if status < 400:
            return raw
        command = self._command
        return redacted(raw, crossing.secrets_in(self._headers, command.route.provider, command.request.dialect))

    def _noted(self, status: int | None) -> int | None:
        # Its head was noted as a good one. Whose key was refused is not asked: that is told by a status of its own.
        if status is not None and failed(status, callers_key=True):
            self._world.health.note(name_of(self._command.route), self._world.clock.now(), ok=False)
        return status
