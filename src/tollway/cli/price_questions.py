"""`tollway prices unpriced` and `rerate`: what only the ledger of a running gateway can answer."""

from collections.abc import Sequence
from typing import Any

from tollway.cli.client import Client
from tollway.cli.questions import Asking, answer_with, narrowed
from tollway.cli.shown import amount, count, instant, rows, say, table


def show_unpriced(asking: Asking) -> int:
    def show(answer: Any) -> None:
        if not answer["items"] and not answer["settings"]:
            say(
                f"Every model that was asked for since {instant(answer['since'])} has a price, and so have the settings'."
            )
            return
        made = table(
            f"Models without a price since {instant(answer['since'])}",
            ("model", "left"),
            ("uncounted requests", "right"),
            ("input tokens", "right"),
            ("output tokens", "right"),
            ("at the ceiling", "right"),
            ("charged at it", "right"),
            ("refused", "right"),
            ("now", "left"),
        )
        rows(
            made,
            [
                [
                    f"{one['provider']}/{one['model']}",
                    count(one["requests"]),
                    count(one["input_tokens"]),
                    count(one["output_tokens"]),
                    amount(one["at_ceiling_usd"]),
                    f"{amount(one['counted_usd'])} for {count(one['counted_at_ceiling'])}",
                    count(one["refused"]),
                    "has a price: tollway prices rerate" if one["priced_now"] else "no price",
                ]
                for one in answer["items"]
            ],
        )
        for named in answer["settings"]:
            say(f"The settings name {named['model']} ({named['where']}), which has no price.")
        if answer["settings"] or any(not one["priced_now"] for one in answer["items"]):
            say("Give one with: tollway prices override PROVIDER/MODEL --input 2.5 --output 10")

    return answer_with(asking, lambda client: client.get("/api/v1/prices/unpriced"), show)


def show_rerate(
    asking: Asking,
    *,
    since: str | None,
    until: str | None,
    where: Sequence[str],
    unknown_tier: str | None,
    apply: str | None,
) -> int:
    def ask(client: Client) -> Any:
        if since is None:
            raise ValueError('--since: say from when on, for example "--since 30d" or "--since 2026-07-01"')
        body: dict[str, Any] = {"where": dict(narrowed(since, until, where)), "unknown_tier": unknown_tier}
        if apply is not None:
            return client.post("/api/v1/prices/rerate/apply", {**body, "token": apply})
        return client.post("/api/v1/prices/rerate", body)

    def show(answer: Any) -> None:
        say(
            f"Requests: {count(answer['attempts'])}. Cost what they were charged: {count(answer['unchanged'])}. "
            f"Corrected: {count(answer['corrections'])}.",
            f"  charged until now   {answer['before_usd']} US dollars",
            f"  at the prices now   {answer['after_usd']} US dollars",
            f"  difference          {answer['difference_usd']} US dollars",
        )
        if answer["models"]:
            _show_models(answer["models"])
            _show_largest(answer["largest"])
        for left in answer["left_out"]:
            say(
                f"Left as they are: {count(left['attempts'])} ({amount(left['charged_usd'])} charged), because "
                f"{left['meaning']} [{left['reason']}, such as {left['request_id']}]."
            )
        if "booked" in answer:
            say(f"Corrections booked: {count(answer['booked'])}. Budgets and spend have them from now on.")
        elif answer["token"] is None:
            say("There is nothing to correct.")
        else:
            # A relative --since means another instant by then, but the same corrections: the token is theirs.
            say(f"Nothing is booked yet. To book exactly these, ask the same with: --apply {answer['token']}")

    return answer_with(asking, ask, show)


def _show_models(models: Any) -> None:
    made = table(
        "By model",
        ("model", "left"),
        ("corrections", "right"),
        ("charged", "right"),
        ("now", "right"),
        ("difference", "right"),
    )
    rows(
        made,
        [
            [
                f"{one['provider']}/{one['model']}",
                count(one["corrections"]),
                amount(one["before_usd"]),
                amount(one["after_usd"]),
                amount(one["difference_usd"]),
            ]
            for one in models
        ],
    )


def _show_largest(largest: Any) -> None:
    made = table(
        "Largest differences",
        ("at", "left"),
        ("model", "left"),
        ("charged", "right"),
        ("now", "right"),
        ("difference", "right"),
        ("request id", "left"),
    )
    rows(
        made,
        [
            [
                instant(one["occurred_at"]),
                f"{one['provider']}/{one['model']}",
                amount(one["before_usd"]),
                amount(one["after_usd"]),
                amount(one["difference_usd"]),
                one["request_id"],
            ]
            for one in largest
        ],
    )
