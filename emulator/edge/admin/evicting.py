"""The admin API's way to end environments, so that the next start is cold."""

from __future__ import annotations

from fastapi import FastAPI, HTTPException

from emulator.edge.admin.views import PREFIX, EvictedView
from emulator.services.context import Parts


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""

    @app.post(f"{PREFIX}/evict", summary="End a function's environments", responses={404: {}})
    async def evict(
        function: str,
        version: str | None = None,
        account: str | None = None,
        environment: str = "",
        trace_imports: bool = False,
    ) -> EvictedView:
        """End the environments of a function, by its name: the next start is cold.

        Idle ones end now, busy ones when they are done; provisioned ones are replaced. With
        ``trace_imports``, the starts that follow measure what they import, until the function is
        evicted without.
        """
        found = [
            each
            for each in parts.registry.all()
            if each.name == function and account in (None, each.latest.account)
        ]
        if not found:
            raise HTTPException(404, f"There is no function {function}.")
        versions = [
            each
            for one in found
            for each in (one.latest, *one.versions.values())
            if version in (None, each.version)
        ]
        if not versions:
            raise HTTPException(404, f"The function {function} has no version {version}.")
        known = {id for id, each in parts.pools.environments.items() if each.version in versions}
        if environment and environment not in known:
            raise HTTPException(404, f"The function {function} has no environment {environment}.")
        evicted = [
            parts.pools.evict(each, environment_id=environment, trace_imports=trace_imports)
            for each in versions
        ]
        return EvictedView(
            stopped=sum(each.stopped for each in evicted),
            when_done=sum(each.when_done for each in evicted),
        )
