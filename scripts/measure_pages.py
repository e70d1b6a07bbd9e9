"""Times what pages of the dashboard ask of a running gateway, each page's questions at once, as a browser asks them.

    TOLLWAY_ADMIN_TOKEN=… python scripts/measure_pages.py http://127.0.0.1:8787 --times 3

Ranges end now; `--until 2026-11-22T21:59:56Z` ends them where generated rows do (`scripts/generate_rows.py`).
"""

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx

Ask = tuple[str, dict[str, str]]
ANALYTICS = "/api/v1/analytics"


def pages(until: datetime) -> dict[str, list[Ask]]:
    """By name: paths and parameters."""

    def over(days: int, **more: str) -> dict[str, str]:
        ends = {"from": until - timedelta(days=days), "to": until}
        return {name: at.strftime("%Y-%m-%dT%H:%M:%SZ") for name, at in ends.items()} | {"timezone": "UTC"} | more

    found: dict[str, list[Ask]] = {}
    for days in (30, 90):
        found |= {
            f"Overview, {days} days": [
                (ANALYTICS, over(days, grain="day", by="model", metrics="cost", limit="8")),
                (ANALYTICS, over(days, by="user", metrics="cost", limit="7")),
                (f"{ANALYTICS}/movers", over(days, by="user,model", limit="6")),
                (f"{ANALYTICS}/refusals", over(days)),
                ("/api/v1/budgets", {"hits": "true"}),
                ("/api/v1/status", {}),
            ],
            f"People, {days} days": [
                ("/api/v1/people", over(days, by="user", limit="1000")),
                (f"{ANALYTICS}/users", over(days, review="8")),
            ],
            f"Explorer, {days} days": [
                (ANALYTICS, over(days, grain="day", by="model", metrics="cost", limit="8")),
                (ANALYTICS, over(days, by="model,user", metrics="cost,tokens,requests", limit="200")),
            ],
            f"Explorer of latency, {days} days": [
                (ANALYTICS, over(days, grain="day", by="team", metrics="latency", limit="8")),
                (ANALYTICS, over(days, by="team,user", metrics="latency,cost,tokens,requests", limit="200")),
            ],
        }
    return found | {"Requests": [("/api/v1/logs", {"limit": "50"})], "Keys": [("/api/v1/keys", {})]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--until", type=datetime.fromisoformat, default=datetime.now(UTC))
    given = parser.parse_args()
    headers = {"Authorization": f"Bearer {os.environ['TOLLWAY_ADMIN_TOKEN']}"}
    print("| page | best ms | worst ms |\n|---|---:|---:|")
    with httpx.Client(base_url=given.url, headers=headers, timeout=120) as client, ThreadPoolExecutor(6) as asking:

        def ask(one: Ask) -> None:
            client.get(one[0], params=one[1]).raise_for_status()

        for name, asks in pages(given.until).items():
            took: list[float] = []
            for _ in range(given.times):
                began = time.perf_counter()
                list(asking.map(ask, asks))
                took.append((time.perf_counter() - began) * 1000)
            print(f"| {name} | {min(took):.0f} | {max(took):.0f} |", flush=True)


if __name__ == "__main__":
    main()
