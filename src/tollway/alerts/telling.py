"""Events in words: one function for each kind, and the key that makes it one event.

A key of a fixed window has the window's start in it; one of a rolling window the bucket in which it was crossed, so that
crossing to and fro within one bucket is told once.

`called`: what people are told of an account whose name in the ledger says little to them.
"""

from tollway.alerts.event import Event
from tollway.clock import instant, iso
from tollway.money import display, dollars


def _when(ms: int) -> str:
    moment = instant(ms)
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def spent(
    account: str, *, name: str, start: int, percent: int, amount: int, limit: int, at: int, event_id: str,
    called: str | None = None,
) -> Event:  # fmt: skip
    """`percent` of the limit are spent; `start` is the window's, or the bucket of a rolling one."""
    whole = percent >= 100
    return Event(
        id=event_id,
        key=f"spent:{account}:{start}:{percent}",
        kind="spent",
        at=at,
        title=f"{called or account}: {percent}% of the budget spent",
        text=f'Account "{called or account}" of budget "{name}" has spent {display(amount)} of {display(limit)}'
        + (". An enforced budget refuses requests now." if whole and amount >= limit else "."),
        budget=_budget(account),
        account=account,
        data={
            "state": "reached",
            "threshold_percent": percent,
            "spent_usd": dollars(amount),
            "limit_usd": dollars(limit),
            "window_start": iso(start),
        },
    )


def below(
    account: str, *, name: str, bucket: int, percent: int, amount: int, limit: int, at: int, event_id: str,
    called: str | None = None,
) -> Event:  # fmt: skip
    """A rolling window fell below the threshold again, which may be reached once more. Kept, and sent to nobody."""
    return Event(
        id=event_id,
        key=f"spent:{account}:{bucket}:{percent}:below",
        kind="spent",
        at=at,
        title=f"{called or account}: below {percent}% of the budget again",
        text=f'Account "{called or account}" of budget "{name}" has spent {display(amount)} of {display(limit)}.',
        budget=_budget(account),
        account=account,
        data={
            "state": "below",
            "threshold_percent": percent,
            "spent_usd": dollars(amount),
            "limit_usd": dollars(limit),
        },
    )


def forecast(
    account: str, *, rule: str, start: int, percent: int, amount: int, limit: int, reached: int, at: int, event_id: str,
    called: str | None = None,
) -> Event:  # fmt: skip
    what = "the limit" if percent == 100 else f"{percent}% of the limit"
    return Event(
        id=event_id,
        key=f"forecast:{rule}:{account}:{start}:{percent}",
        kind="forecast",
        at=at,
        title=f"{called or account}: at this pace {what} is reached on {_when(reached)}",
        text=f'Account "{called or account}" has spent {display(amount)} of {display(limit)}. If it goes on like this, {what} is '
        f"reached on {_when(reached)}.",
        budget=_budget(account),
        account=account,
        data={
            "rule": rule,
            "threshold_percent": percent,
            "reached_at": iso(reached),
            "spent_usd": dollars(amount),
            "limit_usd": dollars(limit),
        },
    )


def burn_rate(
    account: str, *, rule: str, slot: int, times: int, fast: int, fast_s: int, slow: int, slow_s: int, limit: int,
    at: int, event_id: str, called: str | None = None,
) -> Event:  # fmt: skip
    return Event(
        id=event_id,
        key=f"burn_rate:{rule}:{account}:{slot}:{times}",
        kind="burn_rate",
        at=at,
        title=f"{called or account}: spending {times} times faster than the budget allows",
        text=f'Account "{called or account}" has spent {display(fast)} in the last {_length(fast_s)} and {display(slow)} in the last '
        f"{_length(slow_s)}, at least {times} times what its limit of {display(limit)} allows.",
        budget=_budget(account),
        account=account,
        data={
            "rule": rule,
            "times": times,
            "fast_usd": dollars(fast),
            "fast_s": fast_s,
            "slow_usd": dollars(slow),
            "slow_s": slow_s,
            "limit_usd": dollars(limit),
        },
    )


def velocity(
    who: tuple[tuple[str, str], ...],
    *,
    rule: str,
    slot: int,
    threshold: int,
    amount: int,
    per_s: int,
    at: int,
    event_id: str,
) -> Event:
    named = ", ".join(f"{name}={value}" for name, value in who)
    return Event(
        id=event_id,
        key=f"velocity:{rule}:{named}:{slot}:{threshold}",
        kind="velocity",
        at=at,
        title=f"{named}: {display(amount)} in {_length(per_s)}",
        text=f"Requests of {named} have cost {display(amount)} in the last {_length(per_s)}; rule \"{rule}\" asks to be told "
        f"from {display(threshold)} on.",
        data={"rule": rule, "spent_usd": dollars(amount), "threshold_usd": dollars(threshold), "per_s": per_s, **dict(who)},
    )  # fmt: skip


def unpriced(model: str, *, rule: str, slot: int, at: int, event_id: str) -> Event:
    return Event(
        id=event_id,
        key=f"unpriced:{rule}:{model}:{slot}",
        kind="unpriced",
        at=at,
        title=f"{model}: used without a known price",
        text=f"Requests to {model} were answered, and what they cost is not known: it is in no total. Give it a price with "
        f"`tollway prices override {model}`, then book it with `tollway prices rerate`.",
        data={"rule": rule, "model": model},
    )


def hold_exceeded(model: str, *, rule: str, slot: int, count: int, at: int, event_id: str) -> Event:
    return Event(
        id=event_id,
        key=f"hold_exceeded:{rule}:{model}:{slot}",
        kind="hold_exceeded",
        at=at,
        title=f"{model}: charged above its hold",
        text=f"{count} requests to {model} cost more than was held for them since the gateway started. The bound of such a "
        "request is wrong, and a budget may be passed by the difference.",
        data={"rule": rule, "model": model, "count": count},
    )


def lost(count: int, *, rule: str, slot: int, amount: int, at: int, event_id: str) -> Event:
    """Requests of which nobody knows the end."""
    return Event(
        id=event_id,
        key=f"store:{rule}:presumed:{slot}",
        kind="store",
        at=at,
        title=f"{count} requests were presumed spent",
        text=f"Nobody knows how {count} requests ended, after a crash or a lost connection to the store. Their holds, "
        f"{display(amount)} in all, count as spent.",
        data={"rule": rule, "state": "presumed", "count": count, "presumed_usd": dollars(amount)},
    )


def unavailable(why: str, *, rule: str, slot: int, at: int, event_id: str) -> Event:
    """The store cannot be written, so that requests are refused."""
    return Event(
        id=event_id,
        key=f"store:{rule}:unavailable:{slot}",
        kind="store",
        at=at,
        title="The store cannot be written",
        text=f"Requests are refused until it can, but for those that only budgets with on_store_failure: allow count: {why}",
        data={"rule": rule, "state": "unavailable"},
    )


def unwritten(count: int, *, rule: str, slot: int, at: int, event_id: str) -> Event:
    """Requests that went on without the store, because their budgets allow it."""
    return Event(
        id=event_id,
        key=f"store:{rule}:unwritten:{slot}",
        kind="store",
        at=at,
        title="Requests go on while the store cannot be written",
        text=f"{count} requests are held and counted in memory alone, because every budget that counts them has "
        "on_store_failure: allow. They are written as soon as the store works; what they cost is lost if the gateway "
        "ends before that.",
        data={"rule": rule, "state": "unwritten", "count": count},
    )


def unused(
    account: str, *, rule: str, start: int, percent: int, amount: int, limit: int, ends: int, at: int, event_id: str,
    called: str | None = None,
) -> Event:  # fmt: skip
    return Event(
        id=event_id,
        key=f"unused:{rule}:{account}:{start}:{percent}",
        kind="unused",
        at=at,
        title=f"{called or account}: less than {percent}% of the budget used",
        text=f'Account "{called or account}" has spent {display(amount)} of {display(limit)}, and its window ends on {_when(ends)}.',
        budget=_budget(account),
        account=account,
        data={
            "rule": rule,
            "threshold_percent": percent,
            "spent_usd": dollars(amount),
            "limit_usd": dollars(limit),
            "window_end": iso(ends),
        },
    )


def export_fails(job: str, why: str, *, failures: int, rule: str, slot: int, at: int, event_id: str) -> Event:
    """A scheduled export that keeps failing."""
    return Event(
        id=event_id,
        key=f"export:{rule}:{job}:{slot}",
        kind="export",
        at=at,
        title=f"Export job {job} fails",
        text=f'Export job "{job}" has failed {failures} times in a row, and is tried again: {why.rstrip(".")}. Nothing is left out '
        "meanwhile, as long as the log is kept.",
        data={"rule": rule, "job": job, "failures": failures, "error": why},
    )


def trial(channel: str, *, at: int, event_id: str) -> Event:
    """A test that somebody asked for."""
    return Event(
        id=event_id,
        key=f"test:{event_id}",
        kind="test",
        at=at,
        title="Tollway: a test",
        text=f'This is a test of the channel "{channel}". Nothing has happened.',
        data={"channel": channel},
        channels=(channel,),
    )


def _budget(account: str) -> str:
    return account.partition("[")[0]


def _length(seconds: int) -> str:
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds % unit == 0 and seconds >= unit:
            return f"{seconds // unit} {name if seconds > unit else name[:-1]}"
    return f"{seconds} seconds"
