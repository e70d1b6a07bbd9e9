"""What the caller of a stream is sent: in the words of its own API, and taken down where it is to be kept."""

from tollway.cache.entry import Tape
from tollway.exchange.steps import Relay
from tollway.providers.weight import is_heavy
from tollway.proxy.heavy import Heavy, HeavyFailed
from tollway.proxy.transport import Broken
from tollway.translate.codec import Translating


class Shaped:
    """One stream on its way to the caller. Any event of it may be hostile: what is heavy is put into other words by the worker
    process, and many small ones in their turn."""

    __slots__ = ("_heavy", "_tape", "_translation")

    def __init__(self, translation: Translating | None, tape: Tape | None, heavy: Heavy) -> None:
        self._translation = translation
        self._tape = tape
        self._heavy = heavy

    @classmethod
    def of(cls, command: Relay, heavy: Heavy) -> "Shaped | None":
        """What shapes the stream of `command`; `None` where it passes as it comes."""
        return cls(command.translation, command.tape, heavy) if command.translation or command.tape else None

    @property
    def failed(self) -> bool:
        """It ended in an error that was made of what nobody could read: it is not to be given again."""
        return self._translation is not None and self._translation.failed

    async def shown(self, piece: bytes) -> bytes:
        """What the caller is sent for the next bytes of the provider's stream. Raises Broken where the worker cannot put them into
        other words."""
        if self._translation is not None and piece:
            piece = await self._worded(self._translation, piece)
        if self._tape is not None:
            self._tape.add(piece)
        return piece

    async def last(self, rest: bytes, *, complete: bool) -> bytes:
        """What is left of it. `complete`: the provider's stream came to its own end."""
        if self._translation is not None:
            said = await self._worded(self._translation, rest) if rest else b""
            rest = said + self._translation.finish(complete)
        if self._tape is not None:
            self._tape.add(rest)
        return rest

    async def _worded(self, translation: Translating, piece: bytes) -> bytes:
        said: list[bytes] = []
        turn = self._heavy.turn
        for event in translation.whole(piece):
            if is_heavy(event):
                translation, told = await self._carried(translation, event)
                said.append(told)
                continue
            if turn.over():
                await turn.free()
            said.append(translation.worded(event))
        return b"".join(said)

    async def _carried(self, translation: Translating, event: bytes) -> tuple[Translating, bytes]:
        from tollway.translate.stream_translation import worded

        try:
            self._translation, (told,) = await self._heavy.read_events(worded, translation, [event])
        except HeavyFailed as error:
            raise Broken("upstream_invalid", f"an event of its stream cannot be translated: {error}") from None
        assert self._translation is not None
        return self._translation, told
