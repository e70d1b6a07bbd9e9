"""What a caller writes into the head of a request, as the log may have it: without the secrets that turn up there.

A key may stand in a path, in the name of a model or in a User-Agent, by mistake. Nearly all of these texts are the same few,
so what was looked at and found clean is remembered.
"""

from collections.abc import Collection
from urllib.parse import unquote_to_bytes

import msgspec

from tollway.logs.bodies import SHORTEST, without
from tollway.logs.record import LogRecord

MOST_CLEAN = 4_096
LONGEST_CLEAN = 256
"""Characters; what is longer is looked at each time."""


class Painter:
    """Knows the secrets of the settings of one moment."""

    __slots__ = ("_beginnings", "_clean", "_secrets")

    def __init__(self, secrets: Collection[bytes]) -> None:
        self._secrets = secrets
        self._beginnings = frozenset(secret[:SHORTEST] for secret in secrets if len(secret) >= SHORTEST)
        self._clean: set[str | None] = {None, ""}

    def painted(self, record: LogRecord) -> LogRecord:
        """The record, with stars in the place of secrets in its path, its models and its User-Agent; nearly always itself."""
        clean = self._clean
        if (
            record.path in clean
            and record.user_agent in clean
            and record.request_model in clean
            and record.response_model in clean
        ):
            return record
        texts = (record.path, record.user_agent, record.request_model or "", record.response_model or "")
        path, user_agent, request_model, response_model = found = tuple(map(self.text, texts))
        if found == texts:
            return record
        return msgspec.structs.replace(
            record,
            path=path,
            user_agent=user_agent,
            request_model=request_model or record.request_model,
            response_model=response_model or record.response_model,
            # What is said of it may repeat it.
            decisions=tuple(
                msgspec.structs.replace(one, rule=self.text(one.rule), detail=self.text(one.detail))
                for one in record.decisions
            ),
            attempts=tuple(msgspec.structs.replace(one, model=self.text(one.model)) for one in record.attempts),
        )

    def text(self, text: str) -> str:
        """A text with a star for each byte of the secrets in it; one that hides them behind percent signs is decoded too."""
        if text in self._clean:
            return text
        # Of a caller's bytes, which may be none of UTF-8.
        plain = text.encode("utf-8", "surrogatepass")
        found = without(plain, self._secrets) if self._may_hold(plain) else plain
        if b"%" in found:
            decoded = unquote_to_bytes(found)
            if (again := without(decoded, self._secrets)) != decoded:
                found = again
        if found is not plain and found != plain:
            return found.decode("utf-8", "replace")
        if len(text) <= LONGEST_CLEAN:
            if len(self._clean) >= MOST_CLEAN:
                self._clean = {None, ""}
            self._clean.add(text)
        return text

    def _may_hold(self, text: bytes) -> bool:
        """Whether it is worth being looked through for each secret: in a few microseconds, however many there are."""
        if b"tw" in text or b"%" in text or b"\\" in text:
            return True
        return not self._beginnings.isdisjoint(text[at : at + SHORTEST] for at in range(len(text) - SHORTEST + 1))
