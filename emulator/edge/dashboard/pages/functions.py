"""The functions, with the pools of their versions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from emulator.edge.dashboard.http import PageRequest, PageResponse
from emulator.edge.dashboard.rendering import render
from emulator.pool.states import EnvironmentState
from emulator.registry.function import Function
from emulator.services.context import Parts
from emulator.services.lambda_.access import urls
from emulator.services.lambda_.lifecycle import states

#: The words of the page for the states of environments, in their order there.
_SHOWN = {
    EnvironmentState.STARTING: "starting",
    EnvironmentState.INIT: "starting",
    EnvironmentState.INVOKING: "busy",
    EnvironmentState.READY: "idle",
    EnvironmentState.FROZEN: "idle",
    EnvironmentState.RESET: "reset",
    EnvironmentState.STOPPING: "stopping",
}


@dataclass(slots=True)
class PoolRow:
    """The environments of one version."""

    version: str
    #: How many are starting, busy, idle …
    states: Counter[str] = field(default_factory=Counter)
    invokes: int = 0
    provisioned: int = 0

    @property
    def environments(self) -> int:
        """How many there are."""
        return self.states.total()


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """One function as the page shows it."""

    function: Function
    state: str
    pools: list[PoolRow]
    urls: list[str]

    @property
    def environments(self) -> int:
        """How many environments all its versions have."""
        return sum(each.environments for each in self.pools)


def pool_rows(parts: Parts) -> dict[str, dict[str, PoolRow]]:
    """Return the pools there are, by the function's ARN and the version."""
    found: dict[str, dict[str, PoolRow]] = {}
    for environment in parts.pools.environments.values():
        version = environment.version
        of_function = found.setdefault(version.function_arn, {})
        row = of_function.setdefault(version.version, PoolRow(version.version))
        row.states[_SHOWN.get(environment.state, str(environment.state))] += 1
        row.invokes += environment.invokes
        row.provisioned += environment.provisioned
    return found


def function_rows(parts: Parts, endpoint: str) -> list[FunctionRow]:
    """Return all functions, by name, with their URLs at ``endpoint``."""
    pools = pool_rows(parts)
    rows = []
    for function in sorted(parts.registry.all(), key=lambda each: (each.name, each.arn)):
        latest = states.shown(parts, function, function.latest)
        own = pools.get(function.arn, {})
        rows.append(
            FunctionRow(
                function=function,
                state=latest.state,
                pools=sorted(own.values(), key=lambda row: row.version),
                urls=[
                    urls.address(endpoint, latest.region, url.url_id)
                    for url in function.attached.urls.values()
                ],
            )
        )
    return rows


async def functions(parts: Parts, request: PageRequest) -> PageResponse:
    """Show the functions and their pools."""
    name = "parts/functions.html" if request.wants_part else "functions.html"
    return PageResponse(
        render(
            name,
            page="functions",
            rows=function_rows(parts, request.endpoint),
            count=parts.pools.count,
            limit=parts.admission.limit,
        )
    )
