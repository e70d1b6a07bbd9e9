"""Pickles of readers and events that leave what is large in them beside the pickle.

A pickle of eight megabytes holds up the event loop for 10 ms at either end, because all of it is copied; beside it, they
are sent and taken a piece at a time, and are the very bytes that the unpickled objects hold.
"""

import io
import pickle
from collections.abc import Sequence
from typing import Any

LARGE_BYTES = 64 * 1024


_MSGSPEC = ("msgspec", "msgspec._utils")
_HARMLESS = ("tollway.providers.", "tollway.translate.", "tollway.usage", "tollway.request")


class _Apart(pickle.Pickler):
    def __init__(self, into: io.BytesIO) -> None:
        super().__init__(into, 5)
        self.large: list[bytes] = []
        self._known: dict[int, int] = {}

    def persistent_id(self, obj: Any, /) -> int | None:
        if not isinstance(obj, bytes | bytearray) or len(obj) <= LARGE_BYTES:
            return None
        # The first and the last event of a stream are often the same.
        known = self._known.setdefault(id(obj), len(self.large))
        if known == len(self.large):
            self.large.append(obj)  # pyright: ignore[reportArgumentType] (a bytearray that nobody changes any more)
        return known


class _Together(pickle.Unpickler):
    def __init__(self, pickled: bytes, large: Sequence[bytes]) -> None:
        super().__init__(io.BytesIO(pickled))
        self._large = large

    def persistent_load(self, pid: Any, /) -> bytes:
        return self._large[int(pid)]

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        # The readers of providers, what lets them take events in, translations, and nothing that could do harm.
        if not module_name.startswith(_HARMLESS) and module_name not in _MSGSPEC:
            raise EOFError(f"{module_name}.{global_name} is no reader")
        found: Any = super().find_class(module_name, global_name)
        return found


def taken_apart(value: Any) -> tuple[bytes, list[bytes]]:
    """A pickle of `value`, and the large bytes in it. They must stay as they are."""
    into = io.BytesIO()
    pickler = _Apart(into)
    pickler.dump(value)
    return into.getvalue(), pickler.large


def put_together(pickled: bytes, large: Sequence[bytes]) -> Any:
    """The value again. Raises EOFError where something else is in it than readers and events."""
    return _Together(pickled, large).load()
