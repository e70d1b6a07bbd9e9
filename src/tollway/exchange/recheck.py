"""The command of a request that was made to wait, and is about to be sent."""

import msgspec


class Recheck(msgspec.Struct, frozen=True):
    """Would what is held be let in now? Limits and freezes may have changed while it waited."""

    reservation_id: str
