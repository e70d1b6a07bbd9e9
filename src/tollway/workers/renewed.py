"""By which limits the requests under way are judged once other settings are in force.

A reservation carries the limits it was made with. When the settings change, a stream asks for more by the limits of now:
the number that refuses is the number that is shown.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from tollway.budgets.accounts import UNLIMITED, values_of
from tollway.budgets.budget import Budget
from tollway.budgets.holds import Claim, claims, holds
from tollway.budgets.window import Calendar
from tollway.exchange.access import caller_of
from tollway.exchange.selection import facts_of_entry, identity_of_entry
from tollway.identity.keys import PRIORITIES, Priority
from tollway.ledger import journal
from tollway.ledger.control import budget_of
from tollway.ledger.reservation import Hold, Reservation
from tollway.policies.buckets import ACTOR
from tollway.policies.decide import Caller
from tollway.policies.present import limit_of_now
from tollway.snapshot import Snapshot

REMEMBERED = 1_024
"""Callers with a model whose budgets are remembered; past it, the memory starts over."""

_OF_TOKEN = ("id", "email", "subject")
_DAY_MS = 86_400_000
_BY_RANK: dict[int, Priority] = {rank: name for name, rank in PRIORITIES.items()}


class Renewed:
    """`storage.books.Renew` of one snapshot.

    A budget that is gone or switched off limits nobody any more. A hold on an account or in a window that its budget does
    not have any more keeps the limit it was made with: nothing that is shown now is about it. A bucket of policies has
    the limit that the next request of the caller has; where nothing limits it any more, it limits nobody.
    """

    __slots__ = ("_buckets", "_calendar", "_claims", "_enabled", "_keys", "_limits", "_snapshot")

    def __init__(self, snapshot: Snapshot, calendar: Calendar) -> None:
        self._snapshot = snapshot
        self._calendar = calendar
        self._enabled = frozenset(budget.id for budget in snapshot.budgets if budget.enabled)
        self._buckets = {budget.id: budget for budget in snapshot.buckets}
        self._claims: dict[tuple[bytes, int, int], tuple[Claim, ...]] = {}
        self._limits: dict[tuple[bytes, int, str, bool], int | None] = {}
        self._keys = {key.name: key for key in snapshot.keys.values()}

    def __call__(self, reservation: Reservation) -> tuple[Hold, ...]:
        placed = holds(self._claimed(reservation), 0, reservation.opened_at, self._calendar)
        now = {hold.account: hold for hold in placed}
        return tuple(self._renew(hold, now.get(hold.account), reservation) for hold in reservation.holds)

    def _renew(self, hold: Hold, now: Hold | None, reservation: Reservation) -> Hold:
        bucket = self._buckets.get(budget_of(hold.account))
        if bucket is not None:
            limit = self._limit(hold, bucket, reservation)
            return hold if limit is None else msgspec.structs.replace(hold, limit=limit, enforced=limit < UNLIMITED)
        if now is not None and (now.bucket, now.since, now.until) == (hold.bucket, hold.since, hold.until):
            return msgspec.structs.replace(
                hold, limit=now.limit, enforced=now.enforced, share=now.share, carry=now.carry, previous=now.previous
            )
        if budget_of(hold.account) not in self._enabled:
            return msgspec.structs.replace(hold, limit=UNLIMITED, enforced=False, share=100, carry=0, previous=None)
        return hold

    def _limit(self, hold: Hold, bucket: Budget, reservation: Reservation) -> int | None:
        """What policies say now of a bucket; `None` where they say nothing of this caller."""
        # As far as the limit that it was made with is looked at, there are two kinds of them.
        key = reservation.context, reservation.opened_at // _DAY_MS, hold.account, hold.limit >= UNLIMITED
        if key not in self._limits:
            if len(self._limits) >= REMEMBERED:
                self._limits.clear()
            self._limits[key] = self._work_out(hold, bucket, reservation)
        return self._limits[key]

    def _work_out(self, hold: Hold, bucket: Budget, reservation: Reservation) -> int | None:
        actor = (values_of(bucket, hold.account) or {}).get(ACTOR)
        if actor is None:
            return None
        context = journal.context(reservation.context)
        identity, key = identity_of_entry(context), None
        if context.key is not None:
            key = self._keys.get(context.key) or self._snapshot.issued.named(context.key)
        if key is not None:
            identity = msgspec.structs.replace(identity, person=key.person)
        caller = caller_of(identity, context.gateway, context.metadata)
        if key is None:
            caller = Caller(_without_claims(caller.values))
        policies = self._snapshot.policies_of.get(context.gateway, ())
        facts = facts_of_entry(context, self._snapshot, reservation.opened_at)
        return limit_of_now(policies, caller, facts, bucket, actor, hold.limit, all_known=key is not None)

    def _claimed(self, reservation: Reservation) -> tuple[Claim, ...]:
        # What a model is called may change with its price, and prices change with the day.
        key = reservation.context, reservation.priority, reservation.opened_at // _DAY_MS
        found = self._claims.get(key)
        if found is None:
            if len(self._claims) >= REMEMBERED:
                self._claims.clear()
            context = journal.context(reservation.context)
            facts = facts_of_entry(context, self._snapshot, reservation.opened_at)
            priority = _BY_RANK.get(reservation.priority, "standard")
            found = claims(self._snapshot.counting(context.gateway, facts), facts, priority)
            self._claims[key] = found
        return found


def _without_claims(values: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry says of a token's bearer: its address and its subject may be others than the name that budgets know."""
    changed = {name: value for name, value in values.items() if name != "email"}
    of_cf: Mapping[str, Any] = values.get("cf", {})
    changed["cf"] = {**of_cf, "user": _not_of_token(of_cf.get("user", {}))}
    changed["identity"] = _not_of_token(values.get("identity", {}))
    return changed


def _not_of_token(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in _OF_TOKEN}
