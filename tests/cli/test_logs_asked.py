"""What `tollway logs` asks the admin API and shows of the answers."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tollway.cli.client import Client, Refused
from tollway.cli.logs_asked import erase, follow, remark, show_bodies
from tollway.cli.questions import Asking

ASKING = Asking(None, "t" * 16, None, False)
AS_JSON = Asking(None, "t" * 16, None, True)
NOTHING: dict[str, Any] = {"given": {"status": None}, "since": None, "until": None, "where": []}


def log(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "request_id": name,
        "at": "2026-07-01T12:00:00.000Z",
        "status": 200,
        "code": "",
        "provider": "openai",
        "request_model": "gpt-4o-mini",
        "user": "alice",
        "service": None,
        "amount_usd": "0.0000045",
        "billing": "charged",
        "durations": {"total_us": 1_234_567},
        **fields,
    }


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Has the API answer these in turn; what it was asked."""

    def answering(*answers: Any) -> list[Any]:
        asked: list[Any] = []
        left = list(answers)

        def call(method: str) -> Callable[..., Any]:
            def answer(_: Client, path: str, given: Any = None) -> Any:
                asked.append((method, path, given))
                said = left.pop(0)
                if isinstance(said, Exception):
                    raise said
                return said

            return answer

        for method in ("get", "patch", "delete"):
            monkeypatch.setattr(Client, method, call(method))
        return asked

    return answering


def test_the_last_requests_are_shown_and_then_each_as_it_is_logged(
    says: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = says(
        {"items": [log("b"), log("a")], "next": "x"},
        {"items": [], "next": None},
        {"items": [log("c", status=429, code="budget_exceeded", amount_usd=None, billing="not_sent")], "next": "d"},
        {"items": [], "next": None},
    )
    assert follow(ASKING, **NOTHING, waits=iter([None] * 4)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["a", "b", "c"]
    assert lines[2] == "2026-07-01 12:00:00 UTC  429  not sent  openai/gpt-4o-mini  alice  1,234 ms  budget_exceeded  c"
    assert [dict(given).get("after") for _, _, given in asked] == [None, "b", "b", "d"]


def test_what_a_request_has_not_has_one_word(
    says: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    made_up = log("a", provider=None, request_model="made-up-9", user=None)
    says({"items": [made_up], "next": None}, {"items": [log("b", provider=None, request_model=None)], "next": None})
    assert follow(ASKING, **NOTHING, waits=iter([None] * 2)) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "  made-up-9  (none)  " in first
    assert "  (none)  alice  " in second


def test_an_empty_log_is_followed_from_its_first_request(
    says: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = says({"items": [], "next": None}, {"items": [log("a")], "next": None}, {"items": [], "next": None})
    assert follow(AS_JSON, **NOTHING, waits=iter([None] * 3)) == 0
    assert [json.loads(line)["request_id"] for line in capsys.readouterr().out.splitlines()] == ["a"]
    assert dict(asked[2][2])["after"] == "a"


def test_what_was_taken_out_meanwhile_does_not_end_it_nor_show_anything_twice(
    says: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    says(
        {"items": [log("a")], "next": None},
        Refused(404, "record_unknown", "No request"),
        {"items": [log("b"), log("a")], "next": None},
        {"items": [log("c")], "next": "c"},
    )
    assert follow(ASKING, **NOTHING, waits=iter([None] * 4)) == 0
    said = capsys.readouterr()
    assert [line.split()[-1] for line in said.out.splitlines()] == ["a", "c"]
    assert "no longer in the log" in said.err


def test_following_ends_with_a_refusal_and_with_ctrl_c(
    says: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    says(Refused(401, "credential_unknown", "Not the token."))
    assert follow(ASKING, **NOTHING, waits=iter([None])) == 1

    def pressed() -> Any:
        yield None
        raise KeyboardInterrupt

    says({"items": [log("a")], "next": None})
    assert follow(ASKING, **NOTHING, waits=pressed()) == 0
    assert "Not the token." in capsys.readouterr().err


def body(content: str, **fields: Any) -> dict[str, Any]:
    told = {"content_type": "text/plain", "size": 9, "kept": 9, "truncated": False, "encoding": "utf-8"}
    return told | {"content": content} | fields


def test_bodies_are_shown_and_cannot_steer_the_terminal(
    says: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = says(
        {"request_id": "r/1", "asked": body("[bold]hi\x1b[2J"), "sent": None},
        {"returned": body("//4A", encoding="base64", truncated=True, kept=3, size=1_000)},
    )
    assert show_bodies(ASKING, "r/1") == 0
    said = capsys.readouterr().out
    assert "[bold]hi\N{REPLACEMENT CHARACTER}[2J" in said and "\x1b" not in said
    assert "returned: 1,000 bytes, of which 3 were kept" in said and "--json has it in base64" in said
    assert [path for _, path, _ in asked] == ["/api/v1/logs/r%2F1/request", "/api/v1/logs/r%2F1/response"]


def test_a_body_that_was_not_kept_is_told_only_where_there_is_none(
    says: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    none = Refused(404, "body_not_kept", "Nothing is kept.")
    says(none, {"returned": body("hello")})
    assert show_bodies(ASKING, "r") == 0
    says(none, none)
    assert show_bodies(ASKING, "r") == 1
    says(Refused(403, "forbidden", "You may not."))
    assert show_bodies(ASKING, "r") == 1
    said = capsys.readouterr()
    assert "hello" in said.out and "Nothing is kept." in said.err and "You may not." in said.err


def test_a_request_is_judged_by_what_was_given_alone(
    says: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    answer = {"request_id": "r", "feedback": -1, "score": 0.5, "added_metadata": {"a": "b"}, "warnings": ["Careful."]}
    asked = says(answer)
    assert remark(ASKING, "r", feedback=-1, score=None, notes=["a=b"]) == 0
    assert asked == [("patch", "/api/v1/logs/r", {"feedback": -1, "metadata": {"a": "b"}})]
    said = capsys.readouterr()
    assert said.out == "Request r: bad, score 0.5, a=b.\n" and "Careful." in said.err
    asked = says({**answer, "feedback": None, "score": None, "added_metadata": {}, "warnings": []})
    assert remark(ASKING, "r", feedback=None, score=0, notes=[]) == 0
    assert asked[0][2] == {"score": 0}
    assert remark(ASKING, "r", feedback=None, score=None, notes=["a"]) == 1


def test_requests_are_taken_out_page_by_page_once_it_is_confirmed(
    says: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    first = {"deleted": 10_000, "left": 0, "bodies": 5, "next": "5.1", "warnings": []}
    last = {"deleted": 1, "left": 2, "bodies": 0, "next": None, "warnings": ["Careful."]}
    asked = says(first, last)
    options: dict[str, Any] = {**NOTHING, "where": ["user=bob"]}
    assert erase(ASKING, **options, everything=False, confirm=lambda _: True) == 0
    assert [path for _, path, _ in asked] == ["/api/v1/logs?user=bob", "/api/v1/logs?user=bob&cursor=5.1"]
    said = capsys.readouterr()
    assert "10,001 requests are out of the log; 5 of them had bodies." in said.out
    assert "2 are there still" in said.out and "Careful." in said.err
    assert erase(ASKING, **options, everything=False, confirm=lambda _: False) == 1
    assert erase(ASKING, **NOTHING, everything=False, confirm=lambda _: True) == 1
    assert len(asked) == 2 and "or --all for all of them" in capsys.readouterr().err
    asked = says(last)
    assert erase(ASKING, **NOTHING, everything=True, confirm=lambda _: True) == 0
    assert asked[0][1] == "/api/v1/logs?all=true"
