"""The admin API's way to keep environments initialised."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, HTTPException, Query
from pydantic import BaseModel

from emulator.edge.admin.views import PREFIX
from emulator.model.function import LATEST
from emulator.pool.minimum import Kept, MinimumStatus
from emulator.services.context import Parts

#: More than this machine could hold.
_MOST = 1000


class MinimumView(BaseModel):
    """Environments of a function that are kept initialised."""

    function: str
    #: A version or an alias.
    qualifier: str
    account: str
    region: str
    wanted: int
    #: Those that can take a call.
    ready: int
    #: Why there are fewer; "" where they are on their way, or there.
    reason: str


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""

    @app.get(f"{PREFIX}/minimum", summary="Show the environments that are kept initialised")
    async def list_kept() -> list[MinimumView]:
        """Return what is kept, with how much of it is ready."""
        return [_view(each) for each in parts.minimum.status()]

    @app.post(
        f"{PREFIX}/minimum", summary="Keep environments initialised", responses={404: {}, 409: {}}
    )
    async def keep(
        function: str,
        count: Annotated[int, Query(ge=0, le=_MOST)],
        qualifier: str = LATEST,
        account: str | None = None,
        region: str | None = None,
    ) -> list[MinimumView]:
        """Keep ``count`` environments of a function or version initialised; 0 keeps none.

        Without a published version, and without setting concurrency aside.
        """
        kept = Kept(
            account or parts.table.account, region or parts.table.region, function, qualifier
        )
        found = parts.registry.find(*kept[:3])
        if found is None:
            raise HTTPException(404, f"There is no function {function}.")
        version = found.numbered(qualifier)
        if version is None and qualifier not in found.aliases:
            raise HTTPException(404, f"The function {function} has no version {qualifier}.")
        if found.latest.managed is not None:
            text = "runs on Managed Instances, whose scaling configuration says how many there are"
            raise HTTPException(409, f"The function {function} {text}.")
        parts.minimum.set(kept, count)
        return [_view(each) for each in parts.minimum.status()]


def _view(status: MinimumStatus) -> MinimumView:
    kept = status.kept
    return MinimumView(
        function=kept.name,
        qualifier=kept.qualifier,
        account=kept.account,
        region=kept.region,
        wanted=status.wanted,
        ready=status.ready,
        reason=status.reason,
    )
