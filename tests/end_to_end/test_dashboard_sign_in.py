"""Somebody signs in to the control plane at a real identity provider, and is who they are there."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.admin.signing_in import Person, Program, callback, free_port, signing_in

sys.path.insert(0, str(Path(__file__).parents[1] / "idp"))
from idps import running_nanoidp

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROLES = "administration: {finance: {groups: [engineering]}, owner: {users: [nobody@example.com]}}\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Program]:
    port = free_port()
    with running_nanoidp(tmp_path_factory.mktemp("idp"), (callback(port),)) as idp:
        async with signing_in(tmp_path_factory.mktemp("gateway"), idp, port, more=ROLES) as running:
            yield running


def through(program: Program, name: str) -> Person:
    person = Person(name, f"{name}-password")
    person.visit(f"{program.url}/api/v1/session/sign-in?return_to=/api/v1/session")
    person.sign_in()
    return person


async def test_whoever_has_a_role_by_a_group_is_in_with_that_role(program: Program) -> None:
    person = await asyncio.to_thread(through, program, "sam")
    assert person.url == f"{program.url}/api/v1/session", person.page
    assert '"name":"sam@example.com"' in person.page and '"by":"session"' in person.page
    assert '"roles":["finance"]' in person.page and '"senior-engineers"' in person.page
    await asyncio.to_thread(person.visit, f"{program.url}/api/v1/spend")
    assert '"spent_usd"' in person.page
    await asyncio.to_thread(person.visit, f"{program.url}/api/v1/provider-keys")
    assert '"forbidden"' in person.page and "sam@example.com" in person.page


async def test_whoever_has_no_role_is_told_which_groups_they_are_in(program: Program) -> None:
    person = await asyncio.to_thread(through, program, "ida")
    assert "ida@example.com is known, and has no role here" in person.page and "interns" in person.page
    await asyncio.to_thread(person.visit, f"{program.url}/api/v1/session")
    assert '"signed_in":false' in person.page


async def test_a_browser_that_did_not_begin_does_not_finish(program: Program) -> None:
    stopping = Person("sam", "sam-password", stop_at=f"{program.url}/api/v1/session/finish")

    def begin() -> str:
        stopping.visit(f"{program.url}/api/v1/session/sign-in")
        stopping.sign_in()
        return stopping.url

    url = await asyncio.to_thread(begin)
    assert url.startswith(f"{program.url}/api/v1/session/finish?")
    another = Person("x")
    assert "another browser" in await asyncio.to_thread(another.visit, url)
    # The answer of the identity provider is good once, whoever brought it.
    assert '"sign_in_failed"' in await asyncio.to_thread(stopping.visit, url)
