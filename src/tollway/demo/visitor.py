"""Whoever looks at the demo's dashboard: an owner with a password that is made for as long as the demo lasts."""

import secrets

from tollway.admin.local_users import LocalUser, LocalUsers
from tollway.demo.gateway import RunningGateway

NAME = "visitor"


async def let_in(gateway: RunningGateway) -> tuple[str, ...]:
    """Makes the visitor; what they are told, in lines."""
    runtime = gateway.runtime
    users, now = LocalUsers(runtime.store.cabinet), runtime.clock.now()
    password = secrets.token_urlsafe(12)
    user = LocalUser(name=NAME, password=await users.hashed(password), roles=("owner",), created_at=now, by="demo")
    made = await users.swap(user, None, now)
    assert made, "the folder of a demo is new"
    return (f"Its dashboard: {gateway.url}/dashboard", f"  sign in as {NAME} with the password {password}")
