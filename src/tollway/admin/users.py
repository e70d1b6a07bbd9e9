"""Administrators that are known to this gateway alone: made, changed and taken out by an owner."""

from typing import Any

import msgspec
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tollway.admin.access import Asker
from tollway.admin.audit import audited
from tollway.admin.charge import Instant
from tollway.admin.local_users import NAME, SHORTEST_PASSWORD, LocalUser, LocalUsers
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.sessions import Sessions
from tollway.admin.where import no_parameters
from tollway.clock import iso
from tollway.identity.names import NOBODY_BY_NAME, same
from tollway.identity.roles import ROLES, Role


class UserGiven(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=128)
    password: SecretStr = Field(max_length=1_024, description=f"{SHORTEST_PASSWORD} characters or more.")
    roles: list[Role] = Field(min_length=1)


class UserPatch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    password: SecretStr | None = Field(default=None, max_length=1_024)
    roles: list[Role] | None = Field(default=None, min_length=1)
    enabled: bool | None = None


class UserShown(BaseModel):
    name: str
    roles: list[Role]
    enabled: bool
    created_at: Instant
    by: str


class UserList(BaseModel):
    """By name."""

    items: list[UserShown]


class UserChanged(UserShown):
    sessions_ended: int
    """Whoever was signed in by then has to do so again."""
    warnings: list[str]


def users_router(runtime: Runtime, users: LocalUsers, sessions: Sessions) -> APIRouter:
    router = APIRouter(tags=["users"], dependencies=[Depends(no_parameters)])

    async def found(name: str) -> LocalUser:
        user = await users.get(name, runtime.clock.now())
        if user is None:
            known = ", ".join(each.name for each in await users.all(runtime.clock.now())) or "none"
            raise Problem(404, "user_unknown", f'No local administrator "{name[:128]}"; there are: {known}.')
        return user

    async def local_users() -> UserList:
        """Local administrators. People of the identity provider are not kept here."""
        return UserList(items=[_shown(user) for user in await users.all(runtime.clock.now())])

    async def create_user(given: UserGiven, asker: Asker) -> UserChanged:
        """Makes a local administrator."""
        now = runtime.clock.now()
        if not NAME.fullmatch(given.name):
            raise Problem(400, "body_invalid", f"name: {given.name!r} is none; use letters, digits and . _ @ + -")
        if same(given.name) in NOBODY_BY_NAME:
            raise Problem(
                400, "body_invalid", f"name: {given.name!r} stands for something else in the audit log; take another."
            )
        _check_roles(given.roles)
        if await users.get(given.name, now) is not None:
            raise taken(given.name)
        user = LocalUser(
            name=given.name,
            password=await users.hashed(_checked(given.password, given.name)),
            roles=_ordered(given.roles),
            created_at=now,
            by=asker.name,
        )
        if not await users.swap(user, None, now):
            raise taken(given.name)
        warnings = await audited(runtime, "user.created", user.name, by=asker.name, after=_written(user))
        return UserChanged(**_shown(user).model_dump(), sessions_ended=0, warnings=warnings)

    async def change_user(name: str, patch: UserPatch, asker: Asker) -> UserChanged:
        """Gives another password or other roles, or switches off; ends the sessions of the user either way."""
        now, before = runtime.clock.now(), await found(name)
        after = before
        if patch.password is not None:
            after = msgspec.structs.replace(after, password=await users.hashed(_checked(patch.password, before.name)))
        if patch.roles is not None:
            _check_roles(patch.roles)
            after = msgspec.structs.replace(after, roles=_ordered(patch.roles))
        if patch.enabled is not None:
            after = msgspec.structs.replace(after, enabled=patch.enabled)
        # Before, so that nothing is changed where that cannot be kept; and after, for whoever signed in meanwhile.
        ended = await sessions.end_of(before.name, now, by=asker.name)
        if not await users.swap(after, before, now):
            raise Problem(409, "user_changed", f'"{before.name}" was changed by somebody else meanwhile. Try again.')
        ended += await sessions.end_of(before.name, now, by=asker.name)
        changed = {"password": "changed"} if patch.password is not None else {}
        warnings = await audited(
            runtime,
            "user.changed",
            before.name,
            by=asker.name,
            before=_written(before),
            after=_written(after) | changed,
        )
        return UserChanged(**_shown(after).model_dump(), sessions_ended=ended, warnings=warnings)

    async def remove_user(name: str, asker: Asker) -> UserChanged:
        """Takes a local administrator out, and ends its sessions."""
        now, gone = runtime.clock.now(), await found(name)
        ended = await sessions.end_of(gone.name, now, by=asker.name)
        await users.remove(name, now)
        ended += await sessions.end_of(gone.name, now, by=asker.name)
        warnings = await audited(runtime, "user.deleted", gone.name, by=asker.name, before=_written(gone))
        return UserChanged(**_shown(gone).model_dump(), sessions_ended=ended, warnings=warnings)

    router.get("/users")(local_users)
    router.post("/users", status_code=201)(create_user)
    router.patch("/users/{name}")(change_user)
    router.delete("/users/{name}")(remove_user)
    return router


def taken(name: str) -> Problem:
    return Problem(409, "user_taken", f'There is a local administrator "{name}" already.')


def _check_roles(roles: list[Role]) -> None:
    if "developer" in roles:
        raise Problem(
            400,
            "body_invalid",
            "roles: developer is for people of the identity provider; a local administrator has no keys and no spend.",
        )


def _checked(given: SecretStr, name: str) -> str:
    password = given.get_secret_value()
    if len(password) < SHORTEST_PASSWORD:
        raise Problem(
            400, "body_invalid", f"password: it has {len(password)} characters; use {SHORTEST_PASSWORD} or more."
        )
    if len(set(password)) < 5 or same(name) in same(password):
        raise Problem(400, "body_invalid", "password: it can be guessed; use one that was made by chance.")
    return password


def _ordered(roles: list[Role]) -> tuple[Role, ...]:
    return tuple(role for role in ROLES if role in roles)


def _shown(user: LocalUser) -> UserShown:
    return UserShown(
        name=user.name, roles=list(user.roles), enabled=user.enabled, created_at=iso(user.created_at), by=user.by
    )


def _written(user: LocalUser) -> dict[str, Any]:
    return {"roles": list(user.roles), "enabled": user.enabled}
