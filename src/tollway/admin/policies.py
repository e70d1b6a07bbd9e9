"""Policies by the API: drafts are staged in the store, and what is committed stands in the settings file.

The objects have Cloudflare's shape; a policy that is created or changed without `?commit=true` is only staged.
"""

import contextlib
from collections.abc import Generator, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from tollway.admin.audit import Actor, audited
from tollway.admin.charge import Instant
from tollway.admin.policy_drafts import Draft, Drafts, digest_of
from tollway.admin.policy_simulate import SimulateAnswer, SimulateRequest, simulated
from tollway.admin.policy_warnings import policy_warnings
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.settings_change import IfMatch, SettingsChange, etag
from tollway.admin.where import no_parameters
from tollway.admin.written import Fields
from tollway.clock import iso
from tollway.document.policies import by_gateway, policy_id, read_policies, read_policy
from tollway.document.policy_edit import fields_of, merged, read_fields, with_policies, with_policy, without_policy
from tollway.document.text import parse
from tollway.document.written import PolicyDocument
from tollway.errors import SettingsInvalid
from tollway.policies.policy import Block
from tollway.snapshot import Snapshot

_SCHEMA = msgspec.json.schema_components([PolicyDocument])[1]["PolicyDocument"]
_REVISIONS = 1_000

Written = Annotated[Fields, WithJsonSchema(_SCHEMA)]
"""An entry of `policies:` as the settings have it."""


class ListQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    include_staging: bool = Field(default=False, alias="includeStaging", description="With drafts.")


class CommitQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    commit: bool = Field(default=False, description="Put it in force at once; otherwise it is staged.")


class PolicyShown(BaseModel):
    id: str
    name: str
    actor: str
    resource: Any
    condition: str
    action: dict[str, Any]
    gateway: str | None
    """The only gateway it is for; null for all."""
    enabled: bool
    staging: bool
    """A draft: not in force."""
    updated_at: int | None
    """Unix seconds at which a draft was staged; of what is in force, the audit log has it."""
    updated_by: str | None


class PolicyList(BaseModel):
    at: Instant
    revision: int
    items: list[PolicyShown]


class PolicyChanged(PolicyShown):
    revision: int
    """Of the settings in force."""
    changed: bool
    warnings: list[str]


class Failure(BaseModel):
    policyId: str  # noqa: N815 - Cloudflare's name
    message: str


class Committed(BaseModel):
    committed: int
    failed: int
    policies: list[PolicyShown]
    """Those that were committed."""
    errors: list[Failure]
    revision: int
    warnings: list[str]


class RollbackRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    revision: int = Field(ge=1, le=2**63 - 1, description="Of the settings whose policies are wanted again.")


class RolledBack(BaseModel):
    revision: int
    changed: bool
    policies: list[PolicyShown]
    warnings: list[str]


def policies_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["policies"])
    settings, drafts = SettingsChange(runtime), Drafts(runtime)

    async def policies(query: Annotated[ListQuery, Query()]) -> PolicyList:
        """The policies in force, in their order; with `includeStaging` the drafts too, in the place of what they change."""
        found = {policy_id(one): _shown(one) for one in _written(runtime.snapshot)}
        if query.include_staging:
            found |= {draft.id: _of_draft(draft) for draft in await drafts.all()}
        return PolicyList(at=iso(runtime.clock.now()), revision=runtime.snapshot.revision, items=list(found.values()))

    async def policy(policy_id: str) -> PolicyShown:
        """One policy as it is in force; a draft where it has not been yet."""
        found = _find(runtime.snapshot, policy_id)
        if found is not None:
            return _shown(found)
        draft = await drafts.get(policy_id)
        if draft is None:
            raise _unknown(runtime.snapshot, policy_id)
        return _of_draft(draft)

    async def put(
        written: PolicyDocument,
        query: CommitQuery,
        response: Response,
        if_match: str | None,
        by: str,
        draft: Draft | None = None,
    ) -> PolicyChanged:
        """`draft`: one that stays beside a change that is committed, or is changed further."""
        identifier, before = policy_id(written), runtime.snapshot

        def edit(text: str) -> str:
            return with_policy(text, written)

        if query.commit:
            made = await settings.make(edit, if_match, by)
            if draft is None:
                await drafts.drop(identifier)
            shown = _shown(written)
        else:
            # What could not be put in force alone is not staged either.
            made = await settings.preview(edit, if_match)
            # A draft that is changed further is still one of what it was begun from.
            on = draft.on if draft is not None else digest_of(_find(before, identifier))
            shown = _of_draft(await drafts.put(identifier, written, by, on))
        warnings = [*made.warnings, *_consequences(before, made.snapshot, runtime.clock.now())]
        if query.commit and draft is not None:
            warnings.append(f'A draft of "{identifier}", staged by {draft.by}, stays as it is, without this change.')
        if not query.commit:
            warnings += await audited(runtime, "policy.staged", identifier, by=by, after=fields_of(written))
        response.headers.update(etag(runtime.snapshot))
        return PolicyChanged(
            **shown.model_dump(), revision=runtime.snapshot.revision, changed=made.changed, warnings=warnings
        )

    async def create_policy(
        written: Annotated[Written, Body()],
        query: Annotated[CommitQuery, Query()],
        response: Response,
        by: Actor,
        if_match: IfMatch = None,
    ) -> PolicyChanged:
        """Stages a policy, or with `?commit=true` puts it in force. A draft of the same id is replaced."""
        with _told():
            policy = read_fields(written)
            read_policy(policy)
        if _find(runtime.snapshot, policy_id(policy)) is not None:
            raise Problem(
                409,
                "policy_exists",
                f'There is a policy "{policy_id(policy)}" already; change it with PUT, or give the new one another id.',
            )
        with _told():
            return await put(policy, query, response, if_match, by)

    async def update_policy(
        policy_id: str,
        fields: Annotated[Fields, Body(description="Fields in the place of the policy's own; null takes one out.")],
        query: Annotated[CommitQuery, Query()],
        response: Response,
        by: Actor,
        if_match: IfMatch = None,
    ) -> PolicyChanged:
        """Stages a change of a policy that is in force, or with `?commit=true` makes it."""
        found = _find(runtime.snapshot, policy_id)
        draft = await drafts.get(policy_id)
        if found is None:
            if draft is not None:
                raise Problem(
                    409,
                    "policy_staged",
                    f'"{policy_id}" is a draft that was never committed; commit it, or POST it again to replace it.',
                )
            raise _unknown(runtime.snapshot, policy_id)
        if fields.get("id", policy_id) != policy_id:
            raise Problem(400, "body_invalid", f'id: it stays "{policy_id}"; change the name instead.')
        with _told():
            # What was staged before is changed further; nobody's draft is lost by another field of it. What is put in force
            # at once has none of it, nor has a new draft in the place of an outdated one.
            further = draft is not None and not query.commit and not draft.is_outdated(found)
            written = merged(draft.policy if further and draft is not None else found, fields)
            read_policy(written)
            return await put(written, query, response, if_match, by, draft if further or query.commit else None)

    async def delete_policy(policy_id: str, response: Response, by: Actor, if_match: IfMatch = None) -> PolicyChanged:
        """Takes a policy out at once, and its draft with it. What its bucket has spent stays in the ledger."""
        before, found, draft = runtime.snapshot, _find(runtime.snapshot, policy_id), await drafts.get(policy_id)
        warnings: list[str] = []
        if found is not None:
            made = await settings.make(lambda text: _without(text, policy_id), if_match, by)
            warnings += [*made.warnings, *_consequences(before, made.snapshot, runtime.clock.now())]
            shown = _shown(found)
        elif draft is not None:
            shown = _of_draft(draft)
        else:
            raise _unknown(runtime.snapshot, policy_id)
        if draft is not None:
            await drafts.drop(policy_id)
            was = fields_of(draft.policy)
            warnings += await audited(runtime, "policy.draft_dropped", policy_id, by=by, before=was)
        response.headers.update(etag(runtime.snapshot))
        return PolicyChanged(**shown.model_dump(), revision=runtime.snapshot.revision, changed=True, warnings=warnings)

    async def commit_policies(response: Response, by: Actor, if_match: IfMatch = None) -> Committed:
        """Puts every draft in force that can be, all in one step; the others stay drafts, and why is told."""
        before, staged = runtime.snapshot, await drafts.all()
        done: list[Draft] = []
        errors: list[Failure] = []

        def edit(text: str) -> str:
            done.clear()
            errors.clear()
            assert runtime.compile is not None, "the change has asked for it"
            in_force = {policy_id(one): one for one in parse(text).policies}
            for draft in staged:
                if draft.is_outdated(in_force.get(draft.id)):
                    errors.append(Failure(policyId=draft.id, message=_outdated(draft)))
                    continue
                try:
                    after = with_policy(text, draft.policy)
                    runtime.compile(after)
                except SettingsInvalid as error:
                    errors.append(Failure(policyId=draft.id, message=str(error)))
                else:
                    text = after
                    done.append(draft)
            return text

        warnings: list[str] = []
        if staged:
            made = await settings.make(edit, if_match, by)
            warnings += [*made.warnings, *_consequences(before, made.snapshot, runtime.clock.now())]
            for draft in done:
                await drafts.drop(draft.id, draft)
        response.headers.update(etag(runtime.snapshot))
        return Committed(
            committed=len(done),
            failed=len(errors),
            policies=[_shown(draft.policy) for draft in done],
            errors=list(errors),
            revision=runtime.snapshot.revision,
            warnings=warnings,
        )

    async def simulate_policies(asked: SimulateRequest) -> SimulateAnswer:
        """What the policies would say of a caller and a model, in Cloudflare's words. What was really spent is not asked: use
        `POST /api/v1/explain` for that."""
        snapshot = runtime.snapshot
        policies = snapshot.policies
        if asked.include_staging:
            written = {policy_id(one): one for one in _written(snapshot)}
            written |= {draft.id: draft.policy for draft in await drafts.all()}
            policies = read_policies(list(written.values()), snapshot.gateways)
        in_force = by_gateway(policies, snapshot.gateways)
        return simulated(asked, snapshot, in_force, runtime.clock.now())

    async def rollback_policies(
        asked: RollbackRequest, response: Response, by: Actor, if_match: IfMatch = None
    ) -> RolledBack:
        """Puts the policies of an earlier revision of the settings in force again, and changes nothing else of them."""
        history = await runtime.store.config.history(limit=_REVISIONS)
        then = next((one for one in history if one.number == asked.revision), None)
        if then is None:
            known = f"{history[-1].number} to {history[0].number}" if history else "none"
            raise Problem(404, "revision_unknown", f"No revision {asked.revision} is kept; there are {known}.")
        wanted, before = parse(then.document).policies, runtime.snapshot
        made = await settings.make(lambda text: with_policies(text, wanted), if_match, by)
        response.headers.update(etag(runtime.snapshot))
        return RolledBack(
            revision=runtime.snapshot.revision,
            changed=made.changed,
            policies=[_shown(one) for one in _written(runtime.snapshot)],
            warnings=[*made.warnings, *_consequences(before, made.snapshot, runtime.clock.now())],
        )

    router.get("/policies")(policies)
    router.post("/policies", status_code=201)(create_policy)
    # Before the paths with an id, which take any name.
    router.post("/policies/commit", dependencies=[Depends(no_parameters)])(commit_policies)
    router.post("/policies/simulate", dependencies=[Depends(no_parameters)])(simulate_policies)
    router.post("/policies/rollback", dependencies=[Depends(no_parameters)])(rollback_policies)
    router.get("/policies/{policy_id}", dependencies=[Depends(no_parameters)])(policy)
    router.put("/policies/{policy_id}")(update_policy)
    router.delete("/policies/{policy_id}", dependencies=[Depends(no_parameters)])(delete_policy)
    return router


def _outdated(draft: Draft) -> str:
    return (
        f'"{draft.id}" has been changed since {draft.by} staged its draft, which would take that back. Stage it again: the next PUT '
        "begins with what is in force."
    )


@contextlib.contextmanager
def _told() -> Generator[None]:
    """A policy that cannot be used is the fault of the body, which Cloudflare answers with 400 too."""
    try:
        yield
    except SettingsInvalid as error:
        raise Problem(400, "policy_invalid", str(error)) from None


def _written(snapshot: Snapshot) -> list[PolicyDocument]:
    return parse(snapshot.document).policies


def _find(snapshot: Snapshot, wanted: str) -> PolicyDocument | None:
    return next((one for one in _written(snapshot) if policy_id(one) == wanted), None)


def _unknown(snapshot: Snapshot, wanted: str) -> Problem:
    known = ", ".join(policy_id(one) for one in _written(snapshot)[:20]) or "none"
    return Problem(404, "policy_unknown", f'No policy with the id "{wanted[:64]}"; there are: {known}.')


def _without(text: str, wanted: str) -> str:
    try:
        return without_policy(text, wanted)
    except KeyError:
        raise Problem(404, "policy_unknown", f'The settings have no policy with the id "{wanted[:64]}".') from None


def _shown(written: PolicyDocument, draft: Draft | None = None) -> PolicyShown:
    return PolicyShown(
        id=policy_id(written),
        name=written.name,
        actor=written.actor,
        resource=written.resource,
        condition=written.condition,
        action=dict(written.action),
        gateway=written.gateway,
        enabled=written.enabled,
        staging=draft is not None,
        updated_at=draft.at // 1000 if draft is not None else None,
        updated_by=draft.by if draft is not None else None,
    )


def _of_draft(draft: Draft) -> PolicyShown:
    return _shown(draft.policy, draft)


def _consequences(before: Snapshot, after: Snapshot, now: int) -> Sequence[str]:
    """What follows for whole gateways, which is probably to be known."""
    said: list[str] = []
    for slug in after.gateways:
        if slug in after.policies_of and slug not in before.policies_of:
            said.append(f'Gateway "{slug}" had no policies; with one, only what a policy permits is forwarded there.')
        elif slug in before.policies_of and slug not in after.policies_of:
            said.append(f'Gateway "{slug}" has no policies any more, so everything is permitted there.')
        if slug in after.policies_of and all(isinstance(one.action, Block) for one in after.policies_of[slug]):
            said.append(f'No policy of gateway "{slug}" permits anything, so all of its requests are refused.')
    known = set(policy_warnings(before, now))
    return [*said, *(warning for warning in policy_warnings(after, now) if warning not in known)]
