"""What is replied to an exchange that is only rehearsed, where nothing may be counted, called or kept."""

from typing import Any

from tollway.autorouting.task import Task, read_task
from tollway.cache.idempotency import Fresh
from tollway.exchange.auto_steps import Decide, Decided, Pinned
from tollway.exchange.keeping_steps import Begin, Finish, Keep, Lookup
from tollway.exchange.recheck import Recheck
from tollway.exchange.steps import Admit, Booked, Command, Consult, Corrected, Pause, Release, Seen, Weighed
from tollway.exchange.translate_steps import Translate
from tollway.ledger.reservation import Held


def unasked(command: Command) -> Any:
    """What is replied where nothing may be counted, called or kept: as on a quiet day, with an empty cache."""
    match command:
        case Weighed():
            return 0
        case Recheck():
            return Held(())
        case Consult():
            return tuple(Seen() for _ in command.names)
        case Begin():
            return Fresh()
        case Decide():
            return unscored(command)
        case (
            Admit()
            | Corrected()
            | Booked()
            | Lookup()
            | Translate()
            | Keep()
            | Finish()
            | Pause()
            | Release()
            | Pinned()
        ):
            return None
        case _:
            raise AssertionError(f"{command!r} comes behind Forward, which is never answered here")


def unscored(command: Decide) -> Decided:
    """What is known for a choice where there is no scorer at hand, and no session."""
    return Decided(task=read_task(command.request.api, command.request.body) or Task(), score=None)
