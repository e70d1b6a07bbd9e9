"""What is kept of grants, over the cabinet in memory; and a gateway at which nobody signs in."""

import asyncio
import os
from types import SimpleNamespace
from typing import Any

import pytest
from tests.admin.gateways import Caller

from tollway.admin.oauth_grants import Authorization, Grants, Released
from tollway.identity.grants import DEVICE_MS, MOST_TRIES
from tollway.identity.identity import Identity
from tollway.identity.issued import Issued
from tollway.identity.secrets import challenge_of
from tollway.storage.memory.cabinet import MemoryCabinet
from tollway.workers.granted import NotGranted
from tollway.workers.tokens import Tokens

NOW = 1_800_000_000_000
ALICE = Identity(kind="user", user="alice@example.com")
VERIFIER = "v" * 50
PROGRAM = Authorization(client_id="tollway", redirect_uri="http://127.0.0.1:5/", challenge=challenge_of(VERIFIER))
BROWSER = "b" * 43


class Slow(MemoryCabinet):
    """Lets others go first, before each answer."""

    async def get(self, drawer: str, name: str, now: int) -> Any:
        await asyncio.sleep(0)
        return await super().get(drawer, name, now)

    async def take(self, drawer: str, name: str, now: int) -> Any:
        await asyncio.sleep(0)
        return await super().take(drawer, name, now)


def grants() -> Grants:
    cabinet, issued = Slow(), Issued()
    tokens = Tokens(cabinet, issued, b"p" * 32, lambda: NOW, os.urandom)
    return Grants(
        SimpleNamespace(  # type: ignore[arg-type]
            store=SimpleNamespace(cabinet=cabinet), snapshot=SimpleNamespace(pepper=b"p" * 32), tokens=tokens
        )
    )


async def allowed(kept: Grants, upstream: str | None = "upstream-token") -> str:
    """A device code that somebody has allowed."""
    code, user_code, _ = await kept.make_device("tollway", "Tollway", "192.0.2.1", NOW)
    name = await kept.enter(user_code, NOW)
    ticket = await kept.ask(ALICE, upstream, BROWSER, NOW, device=name)
    question = await kept.answered(ticket, BROWSER, NOW)
    assert question is not None
    assert await kept.decide_device(question, ticket, NOW, allow=True)
    return code


async def test_of_many_who_poll_at_once_one_is_given_the_token() -> None:
    kept = grants()
    code = await allowed(kept)
    answers = await asyncio.gather(*(kept.poll(code, "tollway", NOW) for _ in range(20)))
    given = [answer for answer in answers if isinstance(answer, Released)]
    assert len(given) == 1
    assert (given[0].signed_in.identity, given[0].upstream) == (ALICE, "upstream-token")
    assert "upstream-token" not in repr(given[0])


async def test_of_many_who_redeem_a_code_at_once_one_is_given_the_token() -> None:
    kept = grants()
    ticket = await kept.ask(ALICE, "upstream-token", BROWSER, NOW, authorization=PROGRAM)
    question = await kept.answered(ticket, BROWSER, NOW)
    assert question is not None
    code = await kept.make_code(question, ticket, NOW)
    asked = {"client_id": "tollway", "redirect_uri": PROGRAM.redirect_uri, "verifier": VERIFIER, "now": NOW}
    answers = await asyncio.gather(*(kept.redeem(code, **asked) for _ in range(20)))  # type: ignore[arg-type]
    given = [answer for answer in answers if isinstance(answer, Released)]
    assert [each.upstream for each in given] == ["upstream-token"]


async def test_a_code_that_comes_again_while_the_first_is_being_answered_is_good_for_nobody() -> None:
    kept = grants()
    ticket = await kept.ask(ALICE, None, BROWSER, NOW, authorization=PROGRAM)
    question = await kept.answered(ticket, BROWSER, NOW)
    assert question is not None
    code = await kept.make_code(question, ticket, NOW)
    asked = {"client_id": "tollway", "redirect_uri": PROGRAM.redirect_uri, "verifier": VERIFIER, "now": NOW}
    first = await kept.redeem(code, **asked)  # type: ignore[arg-type]
    assert isinstance(first, Released)
    assert not isinstance(await kept.redeem(code, **asked), Released)  # type: ignore[arg-type]
    assert not await kept.redeemed(first.code, "family", NOW)


async def test_what_a_person_has_allowed_and_nobody_collected_can_be_taken_back() -> None:
    kept = grants()
    device = await allowed(kept)
    waiting, _, _ = await kept.make_device("tollway", "x", "192.0.2.1", NOW)
    ticket = await kept.ask(ALICE, None, BROWSER, NOW, authorization=PROGRAM)
    question = await kept.answered(ticket, BROWSER, NOW)
    assert question is not None
    code = await kept.make_code(question, ticket, NOW)
    open_question = await kept.ask(ALICE, None, BROWSER, NOW, authorization=PROGRAM)
    assert await kept.withdraw("somebody.else@example.com", NOW) == 0
    assert ALICE.user is not None
    assert await kept.withdraw(ALICE.user, NOW) == 3
    asked = {"client_id": "tollway", "redirect_uri": PROGRAM.redirect_uri, "verifier": VERIFIER, "now": NOW}
    assert not isinstance(await kept.redeem(code, **asked), Released)  # type: ignore[arg-type]
    assert not isinstance(await kept.poll(device, "tollway", NOW), Released)
    assert await kept.answered(open_question, BROWSER, NOW) is None
    pending = await kept.poll(waiting, "tollway", NOW)
    assert not isinstance(pending, Released)
    assert pending.error == "authorization_pending", "what nobody has allowed is nobody's"


async def test_of_many_who_answer_a_question_one_is_heard() -> None:
    kept = grants()
    ticket = await kept.ask(ALICE, None, BROWSER, NOW, authorization=PROGRAM)
    for browser in ("", "c" * 43):
        assert await kept.answered(ticket, browser, NOW) is None
    answers = await asyncio.gather(*(kept.answered(ticket, BROWSER, NOW) for _ in range(20)))
    assert sum(answer is not None for answer in answers) == 1
    assert await kept.answered("", BROWSER, NOW) is None


async def test_a_user_code_that_is_entered_by_many_at_once_is_counted() -> None:
    kept = grants()
    _, user_code, _ = await kept.make_device(None, "It calls itself x", "192.0.2.1", NOW)
    answers = await asyncio.gather(*(kept.enter(user_code, NOW) for _ in range(20)))
    assert 1 <= sum(answer is not None for answer in answers) <= MOST_TRIES
    assert await kept.enter(user_code, NOW + DEVICE_MS) is None
    assert await kept.enter("BBBBBBBB", NOW) is None


async def test_what_was_decided_is_not_decided_again() -> None:
    kept = grants()
    code = await allowed(kept)
    name = kept._hashed(code).hex()
    ticket = await kept.ask(ALICE, None, BROWSER, NOW, device=name)
    question = await kept.answered(ticket, BROWSER, NOW)
    assert question is not None
    assert not await kept.decide_device(question, ticket, NOW, allow=False)
    assert isinstance(await kept.poll(code, "tollway", NOW), Released)


async def test_a_poll_that_meets_a_decision_loses_neither() -> None:
    kept = grants()
    for _ in range(20):
        code, user_code, _ = await kept.make_device("tollway", "Tollway", "192.0.2.1", NOW)
        ticket = await kept.ask(ALICE, None, BROWSER, NOW, device=await kept.enter(user_code, NOW))
        question = await kept.answered(ticket, BROWSER, NOW)
        assert question is not None
        decided, *_ = await asyncio.gather(
            kept.decide_device(question, ticket, NOW, allow=True), *(kept.poll(code, "tollway", NOW) for _ in range(3))
        )
        assert decided
        # One of the polls may have had it already.
        last = await kept.poll(code, "tollway", NOW)
        assert isinstance(last, Released) or (isinstance(last, NotGranted) and last.error == "invalid_grant")


@pytest.mark.asyncio(loop_scope="module")
async def test_where_nobody_signs_in_there_is_nothing(caller: Caller) -> None:
    for method, path in (
        ("GET", "/.well-known/oauth-authorization-server"),
        ("POST", "/oauth/device_authorization"),
        ("POST", "/oauth/token"),
        ("GET", "/oauth/device"),
        ("POST", "/oauth/device"),
        ("GET", "/oauth/authorize"),
        ("GET", "/oauth/callback"),
        ("GET", "/managed/settings"),
    ):
        answer = await caller.ask(method, path, {}, b"")
        assert answer.status == 404, path
        assert b"device_code" not in answer.body


@pytest.mark.asyncio(loop_scope="module")
async def test_no_other_path_beside_them_is_open(caller: Caller) -> None:
    for path in (
        "/oauth",
        "/oauth/",
        "/oauth/tokens",
        "/oauth/device/",
        "/managed",
        "/.well-known/openid-configuration",
    ):
        assert (await caller.ask("GET", path, {}, b"")).status == 401, path
    assert (await caller.ask("POST", "/oauth/token", {}, b"x" * 70_000)).status == 413
