"""A rehearsal in the world as it is: with its balances and freezes, and with a count where one would be made."""

from tollway.admin.runtime import Runtime
from tollway.autorouting.task import Task
from tollway.exchange.auto_steps import Decide, Decided
from tollway.exchange.refusal import Refusal
from tollway.exchange.rehearse import Rehearsal, rehearse
from tollway.exchange.steps import Count
from tollway.exchange.unasked import unscored
from tollway.identity.identity import Identity
from tollway.ledger.control import budget_of
from tollway.providers.codec import Malformed
from tollway.providers.prompts import Counted
from tollway.providers.vocabularies import Name
from tollway.proxy.jobs import counted
from tollway.proxy.pins import Pins
from tollway.request import Ask, InferenceRequest
from tollway.snapshot import Snapshot


async def rehearsed(
    runtime: Runtime,
    request: InferenceRequest,
    caller: Identity | Refusal,
    snapshot: Snapshot,
    now: int,
    ask: Ask | Malformed | None,
) -> Rehearsal:
    """What would happen to `request` now. One that does not fit by its bytes is rehearsed again with its tokens, one whose
    model the gateway chooses with its score."""
    controls = runtime.store.ledger.controls()
    frozen = {control.target: control for control in controls if control.kind == "freeze" and control.holds(now)}
    known: dict[Name, Counted | None] = {}
    to_score: list[Decide] = []
    decided: list[Decided] = []

    def chosen(command: Decide) -> Decided:
        to_score.append(command)
        # Its body may be large: it is read where the others are.
        return Decided(task=Task(), score=None) if runtime.heavy is not None else unscored(command)

    while True:
        wanted: list[Count] = []
        found = rehearse(
            request,
            caller,
            snapshot=snapshot,
            calendar=runtime.calendar,
            now=now,
            balances=runtime.store.ledger.balances,
            learned=runtime.learned,
            frozen=lambda account: frozen.get(account) or frozen.get(budget_of(account)),
            ask=ask,
            count=_Known(known, wanted),
            decide=lambda command: decided[0] if decided else chosen(command),
        )
        if to_score and not decided and runtime.heavy is not None:
            # As without a session: nobody's turn is looked into, or moved.
            decided.append(await runtime.scoring.decided(to_score[0], runtime.heavy, Pins(), now))
            continue
        if not wanted or runtime.heavy is None:
            return found
        known[wanted[0].vocabulary] = await counted(wanted[0], runtime.heavy)


class _Known:
    """Gives the counts that are known, and notes those that are not."""

    def __init__(self, known: dict[Name, Counted | None], wanted: list[Count]) -> None:
        self._known = known
        self._wanted = wanted

    def __call__(self, command: Count) -> Counted | None:
        if command.vocabulary not in self._known:
            self._wanted.append(command)
        return self._known.get(command.vocabulary)
