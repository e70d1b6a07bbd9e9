"""Ending the logins of others."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from idps import RunningIdp
from tests.admin.gateways import Caller
from tests.admin.signing_in import free_port, signing_in

from tollway.admin.oauth_grants import Grants, Released
from tollway.identity.grants import SignedIn
from tollway.identity.identity import Identity
from tollway.workers.granted import Granted

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    # Nobody goes to this identity provider.
    idp = RunningIdp("http://127.0.0.1:9", "tollway", "tollway-secret-of-the-tests")
    async with signing_in(tmp_path_factory.mktemp("gateway"), idp, free_port()) as running:
        yield running


async def sign_in(gateway: Caller, user: str) -> Granted:
    login = gateway.runtime.snapshot.login
    signed_in = SignedIn(identity=Identity(kind="user", user=user, groups=("eng",)))
    return await gateway.runtime.tokens.begin(signed_in, None, login, "tollway", "Tollway command line")


async def test_a_person_who_leaves_is_signed_out_everywhere_at_once(gateway: Caller) -> None:
    first, second = await sign_in(gateway, "leaver@example.com"), await sign_in(gateway, "leaver@example.com")
    other = await sign_in(gateway, "stayer@example.com")
    listed = (await gateway.admin("/api/v1/logins?user=leaver@example.com")).json["items"]
    assert [(one["user"], one["groups"], one["client"]) for one in listed] == [
        ("leaver@example.com", ["eng"], "Tollway command line")
    ] * 2
    ended = await gateway.admin("/api/v1/logins/leaver@example.com", method="DELETE")
    assert len(ended.json["items"]) == 2
    for token in (first.access_token, second.access_token):
        refused = await gateway.chat(token)
        assert refused.status == 401
        assert b"This login has ended" in refused.body
    assert (await gateway.chat(other.access_token)).status == 200
    changes = await gateway.runtime.store.audit.changes(action="login.ended", limit=5)
    assert [change.change.target for change in changes] == ["leaver@example.com"] * 2
    assert first.access_token not in repr(changes)


async def test_one_login_of_several_is_ended_by_its_id(gateway: Caller) -> None:
    first, second = await sign_in(gateway, "two@example.com"), await sign_in(gateway, "two@example.com")
    assert (await gateway.admin(f"/api/v1/logins/{first.family}", method="DELETE")).status == 200
    assert (await gateway.chat(first.access_token)).status == 401
    assert (await gateway.chat(second.access_token)).status == 200


async def test_what_a_leaver_has_allowed_and_nobody_collected_opens_nothing(gateway: Caller) -> None:
    grants, now = Grants(gateway.runtime), gateway.runtime.clock.now()
    code, user_code, _ = await grants.make_device("tollway", "x", "192.0.2.1", now)
    identity = Identity(kind="user", user="late@example.com")
    name = await grants.enter(user_code.replace("-", ""), now)
    ticket = await grants.ask(identity, None, "b" * 43, now, device=name)
    question = await grants.answered(ticket, "b" * 43, now)
    assert question is not None
    assert await grants.decide_device(question, ticket, now, allow=True)
    answer = await gateway.admin("/api/v1/logins/late@example.com", method="DELETE")
    assert (answer.status, answer.json["items"]) == (200, [])
    assert not isinstance(await grants.poll(code, "tollway", now), Released)
    change = (await gateway.runtime.store.audit.changes(action="login.withdrawn", limit=1))[0].change
    assert (change.target, change.after) == ("late@example.com", '{"grants": 1}')


async def test_who_is_not_signed_in_is_not_found(gateway: Caller) -> None:
    answer = await gateway.admin("/api/v1/logins/nobody@example.com", method="DELETE")
    assert (answer.status, answer.json["code"]) == (404, "login_unknown")
    assert (await gateway.admin("/api/v1/logins?who=x")).status == 400
    assert (await gateway.admin("/api/v1/logins", token="")).status == 401
