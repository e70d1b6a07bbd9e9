"""Times typical questions of analytics over a data folder that `scripts/generate_rows.py` has filled.

    python scripts/measure_analytics.py /tmp/scratch --times 20
    python scripts/measure_analytics.py postgresql://tollway@127.0.0.1/scratch --times 20

The second is of a database that `tollway store copy` has filled. Each is asked as the control plane asks the store: of a file by a
connection of its own, of a server by one that is kept; nothing else is kept between two. The time is that of the store; writing the
answer down takes a few milliseconds more.
"""

import argparse
import random
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tollway.admin.analytics_query import AnalyticsQuery, Range, question
from tollway.admin.periods import Grain, before, bounds, midnight
from tollway.storage.analytics import Condition, Question
from tollway.storage.sql.asking import answer
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.outstanding import outstanding
from tollway.storage.sqlite import connection

DAY_MS = 86_400_000

Ask = Callable[[Callable[[Connection], Any]], Any]
"""Has a question answered over a connection."""


def questions(until: int, chance: random.Random) -> dict[str, Callable[[], list[Question]]]:
    """What the pages of a dashboard ask, each time of another person or another hour."""
    berlin, kolkata, utc = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata"), ZoneInfo("UTC")

    def asked(days: int, zone: ZoneInfo, grain: Grain, by: str, metrics: str, *where: Condition) -> Question:
        end = until - chance.randrange(DAY_MS)
        span = Range(end - days * DAY_MS, end, zone)
        return question(AnalyticsQuery(grain=grain, by=by, metrics=metrics, timezone=zone.key), span, where)[1]

    def user() -> Condition:
        return Condition(field="user", values=(f"user{chance.randrange(500):04}@example.com",))

    def month(zone: ZoneInfo) -> list[Question]:
        end = midnight(time_of(until, zone), zone)
        start = before(end - 30 * DAY_MS, end, zone)[1]
        one = Question(bounds=bounds(start, end, zone, "day"), columns={"spending": ("amount_nanodollars",)})
        return [one, Question(bounds=before(start, end, zone), columns=one.columns)]

    return {
        "30 days, total, all measures": lambda: [asked(30, utc, "none", "", "")],
        "30 days by model and day, Berlin, cost": lambda: [asked(30, berlin, "day", "model", "cost")],
        "30 days by model and day, Berlin, all measures": lambda: [asked(30, berlin, "day", "model", "")],
        "7 days by team and hour, Berlin, cost": lambda: [asked(7, berlin, "hour", "team", "cost")],
        "30 days by day with the period before": lambda: month(berlin),
        "30 days by user, cost and requests": lambda: [asked(30, berlin, "none", "user", "cost,requests")],
        "30 days by user and day, Berlin, cost": lambda: [asked(30, berlin, "day", "user", "cost")],
        "30 days by user and model, cost": lambda: [asked(30, utc, "none", "user,model", "cost")],
        "30 days of one user by model and day, cost": lambda: [asked(30, berlin, "day", "model", "cost", user())],
        "30 days by user and team, all measures": lambda: [asked(30, berlin, "none", "user,team", "")],
        "30 days by model and day, Kolkata, cost": lambda: [asked(30, kolkata, "day", "model", "cost")],
        "30 days by user and day, Kolkata, all measures": lambda: [asked(30, kolkata, "day", "user", "")],
        "7 days by model and hour, Kolkata, all measures": lambda: [asked(7, kolkata, "hour", "model", "")],
        "90 days by team and week, Berlin, cost": lambda: [asked(90, berlin, "week", "team", "cost")],
        "90 days by user, cost": lambda: [asked(90, berlin, "none", "user", "cost")],
        "90 days by user and day, UTC, cost": lambda: [asked(90, utc, "day", "user", "cost")],
        "90 days by group, cost": lambda: [asked(90, berlin, "none", "group", "cost")],
        "30 days by status and day, Berlin": lambda: [asked(30, berlin, "day", "status", "requests,latency")],
    }


def time_of(at: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at // 1000, UTC).astimezone(zone).date()


def main() -> None:
    asked = argparse.ArgumentParser(description="Times typical questions of analytics.")
    asked.add_argument("place", help="a data folder, or the URL of a PostgreSQL database")
    asked.add_argument("--times", type=int, default=20)
    given = asked.parse_args()
    ask = _of_server(given.place) if given.place.startswith("postgresql://") else _of_file(Path(given.place))
    until, entries = ask(
        lambda reading: [reading.execute(f"SELECT max({of}) FROM entries").get for of in ("occurred_at", "seq")]
    )
    print(f"{entries:,} entries")
    chance = random.Random(7)
    everything: list[Took] = []
    print("| question | p50 ms | p95 ms | p95 ms of processor |\n|---|---:|---:|---:|")
    for name, make in questions(until, chance).items():
        took = [_answered(ask, make()) for _ in range(given.times)]
        everything += took
        print(_line(name, took), flush=True)
    took = [_judged(ask, until) for _ in range(given.times)]
    everything += took
    print(_line("30 days: sessions that stand out", took))
    print(_line("all of them", everything))


class Took(NamedTuple):
    """Milliseconds."""

    wall: float
    processor: float


def _of_file(folder: Path) -> Ask:
    def ask(question: Callable[[Connection], Any]) -> Any:
        reading = connection.reader(folder / connection.FILE)
        try:
            return question(reading)
        finally:
            reading.close()

    return ask


def _of_server(url: str) -> Ask:
    from tollway.storage.postgres import driver

    reading = driver.Connection(url, use="reading")
    return lambda question: question(reading)


def _answered(ask: Ask, asking: list[Question]) -> Took:
    began, worked = time.perf_counter(), time.process_time()
    ask(lambda reading: [answer(reading, one) for one in asking])
    return Took((time.perf_counter() - began) * 1000, (time.process_time() - worked) * 1000)


def _judged(ask: Ask, until: int) -> Took:
    began, worked = time.perf_counter(), time.process_time()
    ask(lambda reading: outstanding(reading, since=until - 30 * DAY_MS, until=until, among=None, listed=50))
    return Took((time.perf_counter() - began) * 1000, (time.process_time() - worked) * 1000)


def _line(name: str, took: list[Took]) -> str:
    wall, processor = sorted(each.wall for each in took), sorted(each.processor for each in took)
    return f"| {name} | {_rank(wall, 50):.0f} | {_rank(wall, 95):.0f} | {_rank(processor, 95):.0f} |"


def _rank(ascending: list[float], percent: int) -> float:
    return ascending[-(-len(ascending) * percent // 100) - 1]


if __name__ == "__main__":
    main()
