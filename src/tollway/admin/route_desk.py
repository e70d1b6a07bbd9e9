"""What is done with routes: saved as versions, deployed into the settings file, renamed, taken out."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tollway.admin.audit import audited
from tollway.admin.problem import Problem
from tollway.admin.route_shown import active_version, as_written, content_of, elements_shown, known_now
from tollway.admin.route_versions import Deployment, History, Version, Versions
from tollway.admin.runtime import Runtime
from tollway.admin.settings_change import Changed, SettingsChange
from tollway.document.route_edit import with_route, without_route
from tollway.document.routes import check_name, examined, route_id, told
from tollway.document.text import parse
from tollway.document.written_routes import RouteDocument
from tollway.errors import SettingsInvalid
from tollway.routes.problem import Problems
from tollway.routes.write import write_route

FROM_FILE = "As the settings file had it."
_FROM_FILE_BY = "file"


class RouteDesk:
    """The routes of one gateway process. Raises Problem, SettingsInvalid and StoreUnavailable; nothing is changed then."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._settings = SettingsChange(runtime)
        self.versions = Versions(runtime)

    def in_force(self) -> dict[str, RouteDocument]:
        """The routes of the settings, by id; also those that are switched off."""
        return {route_id(one): one for one in parse(self._runtime.snapshot.document).routes}

    async def find(self, identifier: str) -> tuple[History | None, RouteDocument | None]:
        """What is kept of a route, and what of it is in the settings."""
        history, written = await self.versions.get(identifier), self.in_force().get(identifier)
        if history is None and written is None:
            known = ", ".join([*self.in_force(), *await self.versions.all()][:20]) or "none"
            raise Problem(404, "route_unknown", f'No route with the id "{identifier[:64]}"; there are: {known}.')
        return history, written

    def checked(self, written: RouteDocument) -> dict[str, Any]:
        """The content of a route that can be put in force, its elements in the newer dialect."""
        found = examined(written, known_now(self._runtime.snapshot))
        if isinstance(found, Problems):
            raise Problem(400, "route_invalid", told(written.name, found))
        if written.gateway is not None and self._runtime.snapshot.gateway(written.gateway) is None:
            known = ", ".join(sorted(self._runtime.snapshot.gateways))
            raise Problem(400, "route_invalid", f'gateway: no gateway "{written.gateway[:64]}"; there are {known}.')
        return content_of(written) if written.targets else {"elements": write_route(found)}

    async def create(self, written: RouteDocument, by: str) -> tuple[str, Version, list[str]]:
        """A route that is not there yet, with its first version. It is not in force."""
        content = self.checked(written)
        kept, there = await self.versions.all(), self.in_force()
        named = {(one.gateway, one.name) for one in (*kept.values(), *there.values())}
        if (written.gateway, written.name) in named:
            raise Problem(
                409,
                "route_exists",
                f'There is a route "{written.name}" already; save a version of it, or give the new one another name.',
            )
        base = route_id(written)
        names = (base if number == 1 else f"{base[:60]}-{number}" for number in range(1, 10_000))
        identifier = next(name for name in names if name not in kept and name not in there)
        version = self.versions.version(content, elements_shown(written), by, written.comment)

        def first(history: History | None) -> History:
            if history is not None:
                raise Problem(409, "route_exists", f'There is a route with the id "{identifier}" already.')
            return History(written.name, written.gateway, version.at, version.at, (version,))

        await self.versions.change(identifier, first)
        warnings = await audited(self._runtime, "route.version_saved", identifier, by=by, after=_line(version))
        return identifier, version, warnings

    async def save(self, identifier: str, written: RouteDocument, by: str) -> tuple[Version, list[str]]:
        """One more version of a route. What is in force stays so."""
        content = self.checked(written)
        version = self.versions.version(content, elements_shown(written), by, written.comment)
        await self._keep(identifier, version)
        return version, await audited(self._runtime, "route.version_saved", identifier, by=by, after=_line(version))

    async def deploy(
        self, identifier: str, version_id: str, by: str, comment: str | None, if_match: str | None
    ) -> tuple[Deployment, Changed, list[str]]:
        """Puts a version in force with the next request, by writing it into the settings file."""
        history, there = await self.find(identifier)
        version = history.version(version_id) if history is not None else None
        if history is None or version is None:
            raise version_unknown(identifier, version_id, history)
        if there is None:
            plain = as_written(history.name, history.gateway, version.content)
            own = None if route_id(plain) == identifier else identifier
            written = msgspec.structs.replace(plain, id=own, comment=version.comment)
        else:
            plain = as_written(there.name, there.gateway, version.content, identifier=there.id)
            written = msgspec.structs.replace(plain, enabled=there.enabled, comment=version.comment)
            # So that what is overwritten can be gone back to.
            await self._keep(identifier, None)
        self.checked(written)
        made = await self._settings.make(lambda text: with_route(text, written), if_match, by)
        deployment = self.versions.deployment(version_id, by, comment)

        def deployed(found: History | None) -> History:
            kept = found or history
            return msgspec.structs.replace(kept, deployments=(*kept.deployments, deployment), modified_at=deployment.at)

        await self.versions.change(identifier, deployed)
        line = {"deployment_id": deployment.id, "version_id": version_id}
        warnings = await audited(self._runtime, "route.deployed", identifier, by=by, after=line, reason=comment or "")
        return deployment, made, [*made.warnings, *warnings]

    async def change(
        self, identifier: str, name: str | None, enabled: bool | None, by: str, if_match: str | None
    ) -> tuple[bool, list[str]]:
        """Renames a route, or switches it on or off; its id stays. Returns whether anything changed."""
        history, there = await self.find(identifier)
        gateway = there.gateway if there is not None else history.gateway if history is not None else None
        if name is not None:
            self._check_name(RouteDocument(name=name, gateway=gateway), identifier, await self.versions.all())
        if enabled is not None and there is None:
            raise Problem(400, "body_invalid", "enabled: the route is not in force; deploy a version of it first.")
        changed, warnings = False, list[str]()
        if there is not None:
            fresh = msgspec.structs.replace(
                there,
                name=there.name if name is None else name,
                enabled=there.enabled if enabled is None else enabled,
            )
            if route_id(fresh) != identifier:
                fresh = msgspec.structs.replace(fresh, id=identifier)
            made = await self._settings.make(lambda text: with_route(text, fresh), if_match, by)
            changed, warnings = made.changed, [*made.warnings]
        if history is not None and name is not None and history.name != name:
            now = self._runtime.clock.now()
            await self.versions.change(
                identifier, lambda kept: msgspec.structs.replace(kept or history, name=name, modified_at=now)
            )
            changed = True
            if there is None:
                line = {"name": name}
                warnings += await audited(self._runtime, "route.changed", identifier, by=by, after=line)
        return changed, warnings

    async def delete(self, identifier: str, by: str, if_match: str | None) -> list[str]:
        """Takes a route out at once, with its versions. What its limits have counted is forgotten with their windows."""
        history, there = await self.find(identifier)
        warnings: list[str] = []
        if there is not None:
            made = await self._settings.make(lambda text: _without(text, identifier), if_match, by)
            warnings += made.warnings
        await self.versions.drop(identifier)
        if history is not None:
            line = {"name": history.name, "versions": len(history.versions)}
            warnings += await audited(self._runtime, "route.versions_dropped", identifier, by=by, before=line)
        return warnings

    async def _keep(self, identifier: str, version: Version | None) -> None:
        """Keeps a version behind the others; before it, what is in force where no version says the same."""
        there = self.in_force().get(identifier)
        now = self._runtime.clock.now()

        def kept(history: History | None) -> History:
            if history is None and there is None:
                raise Problem(404, "route_unknown", f'No route with the id "{identifier[:64]}".')
            if history is None:
                assert there is not None
                history = History(there.name, there.gateway, now, now)
            versions = list(history.versions)
            if there is not None and active_version(history, there) is None:
                versions.append(
                    self.versions.version(content_of(there), elements_shown(there), _FROM_FILE_BY, FROM_FILE)
                )
            if version is not None:
                versions.append(version)
            return msgspec.structs.replace(history, versions=tuple(versions), modified_at=now)

        await self.versions.change(identifier, kept)

    def _check_name(self, wanted: RouteDocument, identifier: str, kept: Mapping[str, History]) -> None:
        taken = {
            (one.gateway, one.name) for other, one in (*kept.items(), *self.in_force().items()) if other != identifier
        }
        if (wanted.gateway, wanted.name) in taken:
            raise Problem(409, "route_exists", f'There is a route "{wanted.name}" already; choose another name.')
        try:
            check_name(wanted)
        except SettingsInvalid as error:
            raise Problem(400, "route_invalid", str(error)) from None


def version_unknown(identifier: str, version_id: str, history: History | None) -> Problem:
    known = ", ".join(one.id for one in (history.versions if history is not None else ())[-5:]) or "none"
    return Problem(
        404, "version_unknown", f'Route "{identifier[:64]}" has no version "{version_id[:64]}"; the last ones: {known}.'
    )


def _line(version: Version) -> dict[str, Any]:
    return {"version_id": version.id, "comment": version.comment, **version.content}


def _without(text: str, wanted: str) -> str:
    try:
        return without_route(text, wanted)
    except KeyError:
        raise Problem(404, "route_unknown", f'The settings have no route with the id "{wanted[:64]}".') from None
