"""The admin API's way to debug functions while the emulator runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query
from pydantic import BaseModel

from emulator.driver.languages.table import language_of
from emulator.edge.admin.views import PREFIX
from emulator.model.debugging import DebugPort, next_port
from emulator.model.function import FunctionVersion
from emulator.pool.making import ON_DEMAND, can_debug
from emulator.services.context import Parts

#: Where functions find their code, where they do not see this machine's files.
_TASK = "/var/task"


class DebuggedView(BaseModel):
    """A function that opens a port for a debugger."""

    function: str
    #: The language's name: "python", "nodejs", "java"; "" while there is no such function.
    language: str
    port: int
    #: It initialises only once a debugger is there.
    wait: bool
    #: What is to be done before a debugger can attach; "" for nothing.
    missing: str
    #: The folder of its code on this machine, and where the function sees that.
    local_root: str
    remote_root: str
    #: Environments that have a debugger's port, or wait for it.
    environments: int


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""
    debugged = parts.pools.settings.debug

    @app.get(f"{PREFIX}/debug", summary="Show the functions that debuggers can attach to")
    async def list_debugged() -> list[DebuggedView]:
        """Return the debugged functions, with what an editor needs to attach to each."""
        return _views(parts)

    @app.post(
        f"{PREFIX}/debug",
        summary="Open a port for a debugger in a function, or close it",
        responses={404: {}, 409: {}},
    )
    async def debug(
        function: str,
        port: Annotated[int | None, Query(ge=1, le=65535)] = None,
        wait: bool = False,
        off: bool = False,
    ) -> list[DebuggedView]:
        """Have the function's next environments open a port, and end those that have none.

        Without a port it is the first free one from 5678 on. With ``off``, the next environments
        have none again.
        """
        versions = _versions(parts, function)
        if not versions and not (off and function in debugged):
            raise HTTPException(404, f"There is no function {function}.")
        if off:
            debugged.pop(function, None)
        else:
            _refuse(parts, versions[0])
            _refuse_taken(debugged, function, port)
            debugged[function] = DebugPort(port or next_port(debugged, function), wait)
        for version in versions:
            parts.pools.evict(version)
        return _views(parts)


def _versions(parts: Parts, name: str) -> list[FunctionVersion]:
    return [
        version
        for function in parts.registry.all()
        if function.name == name
        for version in (function.latest, *function.versions.values())
    ]


def _refuse(parts: Parts, version: FunctionVersion) -> None:
    driver = parts.pools.driver
    if not can_debug(version, ON_DEMAND, driver):
        what = version.runtime or "container images"
        hint = "" if driver.name == "process" else f" with the {driver.name} driver"
        raise HTTPException(409, f"There is no debugger for {what}{hint}.")


def _refuse_taken(debugged: Mapping[str, DebugPort], function: str, port: int | None) -> None:
    others = (name for name, one in debugged.items() if one.port == port and name != function)
    if other := next(others, None):
        raise HTTPException(409, f"The debugger of {other} has port {port}.")


def _views(parts: Parts) -> list[DebuggedView]:
    return [_view(parts, name, port) for name, port in sorted(parts.pools.settings.debug.items())]


def _view(parts: Parts, name: str, port: DebugPort) -> DebuggedView:
    latest = next((each.latest for each in parts.registry.all() if each.name == name), None)
    language = language_of(latest.runtime) if latest is not None else None
    folder = str(latest.code.folder) if latest is not None and latest.code.folder else ""
    running = (each.version.name for each in parts.pools.environments.values())
    return DebuggedView(
        function=name,
        language=language.name if language is not None else "",
        port=port.port,
        wait=port.wait,
        missing=language.missing_debugger() if language is not None else "",
        local_root=folder,
        # Where they can't be copied, they have no namespaces: they see this machine's files.
        remote_root=_TASK if parts.pools.copies or parts.pools.driver.name == "docker" else folder,
        environments=sum(each == name for each in running),
    )
