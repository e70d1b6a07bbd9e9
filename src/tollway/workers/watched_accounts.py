"""Looking at accounts: which thresholds they have reached, how fast they spend, what will become of it.

Only an account that has changed since it was last looked at is thought about; that the rest has not changed is told by
comparing three integers. What was seen is kept in memory and may be lost: the store keeps each event's key once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from tollway.alerts import Event, Rule, telling
from tollway.alerts.crossing import crossed, elapsed_percent, length_ms, reached, reached_at, rolling_reached_at
from tollway.alerts.pace import Pace, burns
from tollway.budgets.budget import Budget
from tollway.budgets.holds import UNLIMITED, Claim, holds
from tollway.budgets.window import Calendar, Span, Total
from tollway.ledger.control import budget_of
from tollway.ledger.reservation import Balance, Hold
from tollway.policies.buckets import PREFIX
from tollway.snapshot import Snapshot
from tollway.storage.protocol import Ledger
from tollway.workers.watched_policies import BucketLimits, called

# The part of a rolling window whose pace is taken for the pace of now.
_RECENT = 4

CLOSING_MS = 10 * 60_000
"""How long after its end a window is still looked at: answers that began in it are charged to it."""

MakeId = Callable[[int], str]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to know of one budget."""

    budget: Budget
    spent: Mapping[int, tuple[str, ...]]
    """Percent → the channels of everybody who asked for it, so that it is one event."""
    rules: tuple[Rule, ...]
    """forecast, burn_rate and unused."""

    @property
    def grain_ms(self) -> int:
        """How far apart marks of spending need to be; 0 where nobody asks how fast it goes."""
        return min((rule.fast_s * 1000 // 5 for rule in self.rules if rule.when == "burn_rate"), default=0)

    @property
    def keep_ms(self) -> int:
        return max((rule.slow_s * 1000 for rule in self.rules if rule.when == "burn_rate"), default=0)


def asked_of(snapshot: Snapshot) -> tuple[Asked, ...]:
    """Every enabled budget that somebody wants to know something of; the buckets of policies are budgets too."""
    default = tuple(name for name, channel in snapshot.channels.items() if channel.default)
    found: list[Asked] = []
    for budget in (*snapshot.budgets, *snapshot.buckets):
        if not budget.enabled:
            continue
        about = [r for r in snapshot.alert_rules if r.budgets is None or budget.id in r.budgets]
        spent: dict[int, tuple[str, ...]] = dict.fromkeys(budget.alerts, default)
        for rule in about:
            for percent in rule.at if rule.when == "spent" else ():
                spent[percent] = tuple(dict.fromkeys((*spent.get(percent, ()), *rule.channels)))
        paced = () if isinstance(budget.window, Total) else ("forecast", "burn_rate", "unused")
        rules = tuple(rule for rule in about if rule.when in paced)
        if spent or rules:
            found.append(Asked(budget=budget, spent=dict(sorted(spent.items())), rules=rules))
    return tuple(found)


class Seen(msgspec.Struct, frozen=True):
    """An account as it was when its events were last kept."""

    start: int
    """The window's start; 0 for one that rolls."""
    spent: int
    limit: int


class Accounts:
    """What is remembered of the accounts of budgets."""

    def __init__(self, ledger: Ledger, calendar: Calendar, new_id: MakeId) -> None:
        self._ledger = ledger
        self._calendar = calendar
        self._new_id = new_id
        self._seen: dict[str, Seen] = {}
        self._told: set[tuple[str, int]] = set()
        """(account, percent) of rolling windows that have reached it, and of which that has been told."""
        self._paces: dict[str, Pace] = {}
        self._unused_done: set[tuple[str, str, int]] = set()
        self._closing: dict[str, Seen] = {}
        """Accounts as they were in the window before, where that has just ended."""
        self._begun: set[str] = set()
        """Budgets of which every account has been looked at once."""

    def forget(self, budget_id: str) -> None:
        """Looks at every account of a budget anew, because something else is asked of it."""
        of_it = [name for name in self._seen if budget_of(name) == budget_id]
        for name in of_it:
            del self._seen[name]
            self._paces.pop(name, None)
        self._begun.discard(budget_id)

    def recall(self, past: Iterable[Event]) -> None:
        """Takes over what was told of a rolling budget before this process began; the newest event first."""
        known: set[tuple[str, int]] = set()
        for event in past:
            percent = event.data.get("threshold_percent")
            if event.kind != "spent" or event.account is None or not isinstance(percent, int):
                continue
            place = (event.account, percent)
            if place not in known:
                known.add(place)
                if event.data.get("state") == "reached":
                    self._told.add(place)

    def rolls(self, budget: Budget) -> bool:
        """Whether the budget's window has no start."""
        return self._calendar.span(budget.window, 0).bucket_ms > 0

    def names(self, budget: Budget) -> Sequence[str]:
        return tuple(self._ledger.accounts(budget.id)) if budget.split_by else (budget.id,)

    def look(
        self, asked: Asked, names: Sequence[str], now: int, limits: BucketLimits
    ) -> tuple[list[Event], Callable[[], None]]:
        """What there is to tell of some accounts of a budget; and what to call once that is kept, not before.

        Accounts of policies whose limit nobody can tell yet (`limits`) are not looked at.
        """
        budget = asked.budget
        span = self._calendar.span(budget.window, now)
        rolling = span.bucket_ms > 0
        start = 0 if rolling else span.start
        asked_for = holds((Claim(budget, tuple(names)),), 0, now, self._calendar)
        if budget.id.startswith(PREFIX):
            asked_for = _held_to(asked_for, budget, limits)
        late = [r for r in asked.rules if r.when == "unused" and self._is_late(r, budget, span, now)]
        events: list[Event] = []
        changes: list[tuple[str, Seen, list[tuple[str, int]], list[tuple[str, int]]]] = []
        seen = self._seen
        closing = self._look_back(asked, asked_for, span, now, events)
        for hold, balance in zip(asked_for, self._ledger.balances(asked_for), strict=True):
            account, spent, limit = balance.account, balance.spent, balance.limit
            before = seen.get(account)
            for rule in late:
                events.extend(self._unused(rule, asked, balance, span, now))
            if before is not None and before.spent == spent and before.start == start and before.limit == limit:
                continue
            reached_now: list[tuple[str, int]] = []
            below_now: list[tuple[str, int]] = []
            if rolling:
                events.extend(self._rolling(asked, balance, span, now, reached_now, below_now))
            else:
                events.extend(self._fixed(asked, balance, before, start, now))
            for rule in asked.rules:
                if rule.when == "forecast":
                    events.extend(self._forecast(rule, hold, balance, asked, span, now))
            events.extend(self._burning(asked, balance, span, now))
            changes.append((account, Seen(start, spent, limit), reached_now, below_now))

        def keep() -> None:
            self._closing.update(closing)
            for account, state, over, under in changes:
                seen[account] = state
                self._told.update(over)
                self._told.difference_update(under)

        return events, keep

    def done(self, asked: Asked, now: int) -> None:
        """All accounts of a budget were looked at, and what there was to tell is kept."""
        self._begun.add(asked.budget.id)
        span = self._calendar.span(asked.budget.window, now)
        for rule in asked.rules:
            if rule.when == "unused" and self._is_late(rule, asked.budget, span, now):
                # Only the window of now: those before it never come again.
                self._unused_done = {d for d in self._unused_done if d[:2] != (rule.name, asked.budget.id)}
                self._unused_done.add((rule.name, asked.budget.id, span.start))

    def _look_back(
        self, asked: Asked, asked_for: Sequence[Hold], span: Span, now: int, events: list[Event]
    ) -> dict[str, Seen]:
        """Thresholds that were crossed in the window before, in its last moments or by answers that ended after it."""
        if span.bucket_ms or span.end is None or now - span.start >= min(CLOSING_MS, span.end - span.start):
            return {}
        start = self._calendar.span(asked.budget.window, span.start - 1).start
        found: dict[str, Seen] = {}
        # What counts from then on, less what counts from now on; asked last for now, the counters go on looking there.
        past = self._ledger.balances([msgspec.structs.replace(hold, since=start) for hold in asked_for])
        for both, current in zip(past, self._ledger.balances(asked_for), strict=True):
            account, spent = both.account, both.spent - current.spent
            before = next(
                (s for s in (self._closing.get(account), self._seen.get(account)) if s and s.start == start), None
            )
            if before is None:
                before = Seen(start, 0, current.limit)
            if before.spent != spent:
                for percent in crossed(before.spent, spent, before.limit, asked.spent):
                    at_its_end = Balance(account, spent, 0, before.limit)
                    events.append(self._spent(asked, at_its_end, start, percent, now))
            found[account] = Seen(start, spent, before.limit)
        return found

    def _fixed(self, asked: Asked, balance: Balance, before: Seen | None, start: int, now: int) -> Iterable[Event]:
        same = before if before is not None and before.start == start else None
        previous, limit = (same.spent, same.limit) if same is not None else (0, None)
        for percent in crossed(previous, balance.spent, balance.limit, asked.spent, limit):
            yield self._spent(asked, balance, start, percent, now)

    def _rolling(
        self,
        asked: Asked,
        balance: Balance,
        span: Span,
        now: int,
        reached_now: list[tuple[str, int]],
        below_now: list[tuple[str, int]],
    ) -> Iterable[Event]:
        over = set(reached(balance.spent, balance.limit, asked.spent))
        for percent in asked.spent:
            place = (balance.account, percent)
            if percent in over and place not in self._told:
                reached_now.append(place)
                yield self._spent(asked, balance, span.bucket, percent, now)
            elif percent not in over and place in self._told:
                below_now.append(place)
                yield telling.below(
                    balance.account,
                    called=called(asked.budget, balance.account),
                    name=asked.budget.name,
                    bucket=span.bucket,
                    percent=percent,
                    amount=balance.spent,
                    limit=balance.limit,
                    at=now,
                    event_id=self._new_id(now),
                )

    def _spent(self, asked: Asked, balance: Balance, start: int, percent: int, now: int) -> Event:
        event = telling.spent(
            balance.account,
            called=called(asked.budget, balance.account),
            name=asked.budget.name,
            start=start,
            percent=percent,
            amount=balance.spent,
            limit=balance.limit,
            at=now,
            event_id=self._new_id(now),
        )
        return msgspec.structs.replace(event, channels=asked.spent[percent])

    def _forecast(
        self, rule: Rule, hold: Hold, balance: Balance, asked: Asked, span: Span, now: int
    ) -> Iterable[Event]:
        window_ms = length_ms(asked.budget.window, span)
        assert window_ms is not None, "budgets without an end have no forecast"
        for percent in rule.at:
            goal = balance.limit * percent // 100
            if span.bucket_ms == 0:
                start, instant = span.start, reached_at(balance.spent, goal, span, now, rule.min_elapsed)
            else:
                # One event for each length of the window, as its start moves with every bucket.
                start = now - now % window_ms
                recent, recent_ms = self._recent(hold, span, window_ms, now)
                instant = rolling_reached_at(balance.spent, recent, recent_ms, goal, window_ms, now)
            if instant is not None:
                event = telling.forecast(
                    balance.account,
                    called=called(asked.budget, balance.account),
                    rule=rule.name,
                    start=start,
                    percent=percent,
                    amount=balance.spent,
                    limit=balance.limit,
                    reached=instant,
                    at=now,
                    event_id=self._new_id(now),
                )
                yield msgspec.structs.replace(event, channels=rule.channels)

    def _recent(self, hold: Hold, span: Span, window_ms: int, now: int) -> tuple[int, int]:
        """What was spent in the last quarter of a rolling window, and how long that is: whole buckets."""
        since = span.bucket - window_ms // _RECENT // span.bucket_ms * span.bucket_ms
        # Asked last for the whole window, the counters go on looking at that one.
        part, _ = self._ledger.balances((msgspec.structs.replace(hold, since=since), hold))
        return part.spent, now - since

    def _burning(self, asked: Asked, balance: Balance, span: Span, now: int) -> Iterable[Event]:
        if not asked.grain_ms:
            return
        rolling = span.bucket_ms > 0
        start = 0 if rolling else span.start
        pace = self._paces.get(balance.account)
        if pace is None:
            # An account that was not there at the last look has spent all of it since.
            pace = Pace(now, start, 0 if asked.budget.id in self._begun else balance.spent)
            self._paces[balance.account] = pace
        pace.look(now, start, balance.spent, keep_ms=asked.keep_ms, grain_ms=asked.grain_ms, rolling=rolling)
        window_ms = length_ms(asked.budget.window, span)
        assert window_ms is not None, "budgets without an end have no pace"
        for rule in asked.rules:
            if rule.when != "burn_rate":
                continue
            fast_ms, slow_ms = rule.fast_s * 1000, rule.slow_s * 1000
            fast, slow = pace.since(now - fast_ms), pace.since(now - slow_ms)
            for times in rule.at:
                if burns(fast, fast_ms, slow, slow_ms, balance.limit, window_ms, times):
                    event = telling.burn_rate(
                        balance.account,
                        called=called(asked.budget, balance.account),
                        rule=rule.name,
                        slot=slot_of(rule, now),
                        times=times,
                        fast=fast,
                        fast_s=rule.fast_s,
                        slow=slow,
                        slow_s=rule.slow_s,
                        limit=balance.limit,
                        at=now,
                        event_id=self._new_id(now),
                    )
                    yield msgspec.structs.replace(event, channels=rule.channels)

    def _is_late(self, rule: Rule, budget: Budget, span: Span, now: int) -> bool:
        over = elapsed_percent(span, now)
        done = (rule.name, budget.id, span.start) in self._unused_done
        return over is not None and over >= rule.min_elapsed and not done

    def _unused(self, rule: Rule, asked: Asked, balance: Balance, span: Span, now: int) -> Iterable[Event]:
        if balance.limit >= UNLIMITED:
            return
        assert span.end is not None
        short = [percent for percent in rule.at if balance.spent * 100 < balance.limit * percent]
        for percent in short[:1]:
            event = telling.unused(
                balance.account,
                called=called(asked.budget, balance.account),
                rule=rule.name,
                start=span.start,
                percent=percent,
                amount=balance.spent,
                limit=balance.limit,
                ends=span.end,
                at=now,
                event_id=self._new_id(now),
            )
            yield msgspec.structs.replace(event, channels=rule.channels)


def _held_to(placed: Sequence[Hold], budget: Budget, limits: BucketLimits) -> tuple[Hold, ...]:
    """The same with the limit of each account, without those of which it is not known."""
    found = ((hold, limits.of(budget, hold.account)) for hold in placed)
    return tuple(msgspec.structs.replace(hold, limit=limit) for hold, limit in found if limit is not None)


def slot_of(rule: Rule, now: int) -> int:
    """The start of the length of time in which a rule tells a thing once (Unix milliseconds)."""
    return now - now % (rule.once_per_s * 1000)
