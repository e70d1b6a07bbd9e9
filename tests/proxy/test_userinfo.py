import asyncio
from typing import Any

import pytest
from fake_issuer import FakeIssuer, issuer
from made_tokens import ISSUER, NOW, claims, token

from tollway.identity.jwt import Token, Unfit, read_token
from tollway.proxy.discovery import Discoverer
from tollway.proxy.fetch import FetchFailed
from tollway.proxy.userinfo import AGAIN_MS, Userinfo

COMPANY = issuer(groups_from="userinfo", userinfo_url=f"{ISSUER}/me")
FOUND = read_token(token(claims()))
assert isinstance(FOUND, Token)


def idp() -> tuple[FakeIssuer, Userinfo]:
    fake = FakeIssuer()
    return fake, Userinfo(fake, Discoverer(fake))


async def told(userinfo: Userinfo, now: int = NOW, **others: Any) -> Any:
    assert isinstance(FOUND, Token)
    asked = {"issuer": COMPANY, "access_token": "opaque", "overage": False, **others}
    return await userinfo.told(b"digest", FOUND, asked["issuer"], now, asked["access_token"], overage=asked["overage"])


async def test_what_the_issuer_says_is_asked_once_for_all_who_wait() -> None:
    fake, userinfo = idp()
    fake.says("/me", sub="u-1", groups=["a"], picture="x")
    answers = await asyncio.gather(*(told(userinfo) for _ in range(50)))
    assert answers == [{"groups": ["a"]}] * 50 and fake.asked["/me"] == 1
    assert userinfo._under_way == {}


async def test_an_issuer_that_does_not_answer_is_left_alone_for_a_moment() -> None:
    fake, userinfo = idp()
    fake.down = True
    with pytest.raises(FetchFailed, match="cannot be reached"):
        await told(userinfo)
    with pytest.raises(FetchFailed, match="a moment ago"):
        await told(userinfo, NOW + AGAIN_MS - 1)
    assert fake.asked["/me"] == 1
    fake.down = False
    fake.says("/me", sub="u-1", groups=[])
    assert await told(userinfo, NOW + AGAIN_MS) == {"groups": []}


async def test_a_caller_that_leaves_takes_nothing_from_the_others() -> None:
    fake, userinfo = idp()
    fake.says("/me", sub="u-1", groups=["a"])
    fake.gate = asyncio.Event()
    first, second = asyncio.create_task(told(userinfo)), asyncio.create_task(told(userinfo))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    fake.gate.set()
    assert await second == {"groups": ["a"]}


async def test_where_there_is_nothing_to_ask_or_to_ask_with_the_token_is_unfit() -> None:
    _, userinfo = idp()
    nowhere = await told(userinfo, issuer=issuer(groups_from="userinfo"))
    assert isinstance(nowhere, Unfit) and "userinfo_url" in nowhere.message
    assert isinstance(await told(userinfo, access_token=None), Unfit)


async def test_groups_that_are_too_many_have_to_be_told() -> None:
    fake, userinfo = idp()
    fake.says("/me", sub="u-1")
    assert isinstance(await told(userinfo, overage=True), Unfit)


async def test_an_answer_without_groups_that_can_be_read_is_none() -> None:
    fake, userinfo = idp()
    for groups in (
        None,
        {"interns": {"org": "x"}},
        [{"name": "interns"}],
        ["eng", 1],
        7,
        [f"g{n}" for n in range(2_001)],
    ):
        fake.says("/me", sub="u-1", groups=groups)
        answer = await told(userinfo)
        assert isinstance(answer, Unfit) and answer.code == "token_invalid" and '"groups"' in answer.message
    fake.says("/me", sub="u-1", groups=[])
    assert await told(userinfo) == {"groups": []}
