"""Passwords: hashed, compared slowly for everybody, and never kept."""

import asyncio

import pytest

from tollway.admin.local_users import DRAWER, MOST_WAITING, LocalUser, LocalUsers
from tollway.admin.problem import Problem
from tollway.storage.conformance.values import NOW
from tollway.storage.memory import MemoryCabinet

PASSWORD = "correct horse battery"


async def made(cabinet: MemoryCabinet, name: str = "Root", *, enabled: bool = True) -> LocalUsers:
    users = LocalUsers(cabinet)
    hashed = await users.hashed(PASSWORD)
    user = LocalUser(name=name, password=hashed, roles=("owner",), created_at=NOW, by="admin", enabled=enabled)
    assert await users.swap(user, None, NOW)
    return users


async def test_the_right_password_is_known_and_kept_as_a_hash_alone() -> None:
    cabinet = MemoryCabinet()
    users = await made(cabinet)
    found = await users.verified("root", PASSWORD, NOW)
    assert found is not None and found.name == "Root"
    (kept,) = await cabinet.all(DRAWER, NOW)
    assert PASSWORD.encode() not in kept.record and b"$argon2id$" in kept.record
    assert PASSWORD not in repr(found) and "argon2" not in repr(found)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("root", "wrong"),
        ("root", ""),
        ("root", PASSWORD * 100),
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("root\0", PASSWORD),
    ],
)
async def test_whatever_else_is_said_opens_nothing(name: str, password: str) -> None:
    assert await (await made(MemoryCabinet())).verified(name, password, NOW) is None


async def test_a_name_that_only_looks_alike_is_nobodys() -> None:
    users = await made(MemoryCabinet(), "Kate")
    assert await users.get("KATE", NOW) is not None
    assert await users.get("\u212aate", NOW) is None and await users.remove("\u212aate", NOW) is None
    assert await users.verified("\u212aate", PASSWORD, NOW) is None and await users.get("kate", NOW) is not None


async def test_a_name_that_nobody_has_is_hashed_for_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from tollway.admin import local_users

    asked: list[str] = []
    hasher = local_users._hasher()
    monkeypatch.setattr(local_users, "_hasher", lambda: Watched())

    class Watched:
        def verify(self, hashed: str, password: str) -> bool:
            asked.append(hashed)
            return bool(hasher.verify(hashed, password))

        def hash(self, password: str) -> str:
            return str(hasher.hash(password))

    users = await made(MemoryCabinet())
    await users.verified("root", "x", NOW)
    await users.verified("nobody", "x", NOW)
    assert len(asked) == 2 and asked[0] != asked[1] and all(each.startswith("$argon2id$") for each in asked)


async def test_not_even_the_password_of_nobody_opens_anything() -> None:
    users = await made(MemoryCabinet())
    assert await users.verified("nobody", "nobody has this password", NOW) is None


async def test_a_user_who_was_changed_meanwhile_is_not_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from tollway.admin import local_users

    cabinet = MemoryCabinet()
    users = await made(cabinet)
    user = await users.get("root", NOW)
    assert user is not None and not await users.swap(user, None, NOW), "the name is taken"
    hasher = local_users._hasher()

    class Older:
        """As where the parameters were raised since."""

        verify, hash = hasher.verify, hasher.hash

        def check_needs_rehash(self, _: str) -> bool:
            asyncio.run_coroutine_threadsafe(users.remove("root", NOW), loop)
            return True

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(local_users, "_hasher", Older)
    assert await users.verified("root", PASSWORD, NOW) is None
    assert await cabinet.all(DRAWER, NOW) == []


async def test_only_so_many_wait_for_their_turn() -> None:
    users = LocalUsers(MemoryCabinet())
    go, inside = asyncio.Event(), asyncio.Semaphore(0)
    served: list[int] = []

    async def one(n: int) -> int:
        try:
            async with users.turn():
                inside.release()
                await go.wait()
                served.append(n)
        except Problem as problem:
            assert problem.retry_after_s == 1
            return problem.status
        return 200

    tasks = [asyncio.create_task(one(n)) for n in range(MOST_WAITING + 3)]
    await inside.acquire()
    told = await asyncio.gather(*tasks[-2:])
    assert told == [503, 503] and served == []
    go.set()
    assert await asyncio.gather(*tasks[:-2]) == [200] * (MOST_WAITING + 1)
    assert served == list(range(MOST_WAITING + 1))
    assert await one(99) == 200, "and then there is room again"


async def test_who_is_switched_off_or_gone_is_not_let_in() -> None:
    off = await made(MemoryCabinet(), enabled=False)
    assert await off.verified("root", PASSWORD, NOW) is None
    users = await made(MemoryCabinet())
    assert await users.remove("ROOT", NOW) is not None and await users.remove("root", NOW) is None
    assert await users.verified("root", PASSWORD, NOW) is None
