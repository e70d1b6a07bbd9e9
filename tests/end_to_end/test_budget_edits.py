"""Budgets edited under a running gateway: what was spent stays spent, and what is new counts at once."""

import json
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from crowd import billing_provider
from gateway import ADMIN_TOKEN, KEY, RunningGateway

OTHER_KEY = "another-gateway-key-for-tests"
SETTINGS = """\
providers:
  openai: {{base_url: "{url}/v1", api_key: "sk-provider"}}
keys:
  - {{name: alice, secret: "file:alice.key", user: alice@example.com}}
budgets:
  # Everybody together.
  - {{name: company, limit: "20", window: {{period: month, timezone: UTC}}}}
"""


class Person:
    """An administrator and a caller in one."""

    def __init__(self, running: RunningGateway) -> None:
        self.running = running

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        return self._call(method, f"/api/v1{path}", ADMIN_TOKEN, body)[1]

    def chat(self, key: str = KEY) -> int:
        body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 60}
        return self._call("POST", "/v1/chat/completions", key, body)[0]

    def spent(self, budget: str) -> str:
        (account,) = self.admin("GET", f"/budgets/{budget}")["accounts"]
        return str(account["spent_usd"])

    def _call(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "tollway-actor": "ann"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.running.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())


def test_edits_keep_history_and_a_freeze_cuts_at_once(tmp_path: Path) -> None:
    with billing_provider() as url:
        running = RunningGateway({}, tmp_path)
        running.config.write_text(SETTINGS.format(url=url))
        (tmp_path / "alice.key").write_text(KEY)
        try:
            running.start()
            _play(Person(running), tmp_path)
        finally:
            running.kill()


def _play(ann: Person, folder: Path) -> None:
    config = folder / "tollway.yaml"
    assert [ann.chat() for _ in range(3)] == [200] * 3
    whole = ann.spent("company")
    assert float(whole) > 0

    # A new budget has spent already, and refuses.
    new = {"name": "minis", "limit": whole, "window": {"period": "day"}, "where": {"model": "*mini"}}
    assert ann.admin("POST", "/budgets", new)["after"] == new
    assert ann.spent("minis") == whole
    assert ann.chat() == 429
    ann.admin("PATCH", "/budgets/minis", {"limit": "20"})
    assert ann.chat() == 200
    whole = ann.spent("company")

    # A window that changes to and fro, and another name by the API and by hand.
    for period in ("day", "month", "week", "day"):
        ann.admin("PATCH", "/budgets/company", {"window": {"period": period, "timezone": "UTC"}})
        assert ann.spent("company") == whole, period
    ann.admin("PATCH", "/budgets/company", {"name": "All of us"})
    assert ann.spent("company") == whole
    config.write_text(config.read_text().replace('name: "minis"', 'name: "small ones"'))
    ann.admin("POST", "/reload")
    assert ann.spent("small-ones") == whole
    assert "# Everybody together." in config.read_text()

    # Another secret for the same key.
    (folder / "alice.key").write_text(OTHER_KEY)
    ann.admin("POST", "/reload")
    assert (ann.chat(KEY), ann.chat(OTHER_KEY)) == (401, 200)
    more = ann.spent("company")
    assert float(more) > float(whole)

    # A freeze is in force with the next request, and outlives the process.
    began = time.monotonic()
    ann.admin("POST", "/budgets/company/freeze", {"reason": "a leak"})
    assert ann.chat(OTHER_KEY) == 429
    assert time.monotonic() - began < 1
    running = ann.running
    running.kill()
    running.start()
    assert ann.chat(OTHER_KEY) == 429
    assert ann.spent("company") == more
    ann.admin("POST", "/budgets/company/unfreeze", {})
    assert ann.chat(OTHER_KEY) == 200
    assert ann.spent("company") == ann.spent("small-ones")

    # It is all in the log, and the books are right.
    lines = ann.admin("GET", "/audit?limit=100")["items"]
    by_ann = [line["action"] for line in reversed(lines) if line["by"] == "ann"]
    assert by_ann[0] == "budget.created"
    assert by_ann.count("budget.changed") == 6
    assert {"key.rotated", "budget.frozen", "budget.unfrozen", "budget.deleted"} <= set(by_ann)
    assert ann.admin("GET", "/audit/verify")["ok"] is True
    assert KEY not in json.dumps(lines) and OTHER_KEY not in json.dumps(lines)
    status = ann.admin("GET", "/status?verify=true")
    assert status["store"] == {"ok": True, "verified": True, "differences": []}
    assert running.process is not None
    running.process.send_signal(signal.SIGHUP)
    assert ann.chat(OTHER_KEY) == 200
