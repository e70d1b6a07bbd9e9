"""A gateway with a month behind it, in a process of its own: `python served.py FOLDER` prints its address and ends with its
standard input."""

import asyncio
import json
import secrets
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

import seeded  # noqa: E402
from tests.admin.gateways import Caller, gateway  # noqa: E402

from tollway.admin.principals import COOKIE  # noqa: E402
from tollway.admin.sessions import Sessions  # noqa: E402
from tollway.identity.identity import Identity  # noqa: E402
from tollway.identity.person import Person  # noqa: E402

PASSWORD = "a-long-password"


async def signed_in(caller: Caller, user: str, team: str) -> str:
    """The cookie of somebody who has signed in at the company's identity provider, before anybody asks for a session."""
    runtime = caller.runtime
    snapshot = runtime.snapshot
    person = Person(issuer=seeded.ISSUER, issuer_name="company", subject=user, email=user)
    identity = Identity(kind="user", user=user, groups=(team,), metadata={"team": team}, source="token", person=person)
    sessions = Sessions(runtime.store.cabinet, lambda: snapshot.pepper, secrets.token_bytes)
    _, token = await sessions.start(
        user, snapshot.administration, runtime.clock.now(), groups=(team,), issuer=seeded.ISSUER, identity=identity
    )
    return f"{COOKIE}={token}"


async def serve(folder: Path) -> None:
    text = seeded.settings("{url}").replace("{", "{{").replace("}", "}}").replace("{{url}}", "{url}")
    async with gateway(folder, text) as caller:
        await seeded.seed(caller.runtime)
        developer = await signed_in(caller, "alice@example.com", "research")
        for name, role in (("root", "owner"), ("fiona", "finance")):
            made = await caller.admin("/api/v1/users", {"name": name, "password": PASSWORD, "roles": [role]})
            assert made.status == 201, made.json
        assert (await caller.chat()).status == 200
        await caller.logged("/api/v1/logs", 1)
        print(json.dumps({"url": caller.url, "developer": developer}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
