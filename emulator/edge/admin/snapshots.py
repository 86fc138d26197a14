"""The admin API's view of the snapshots of versions with SnapStart."""

from __future__ import annotations

from fastapi import FastAPI
from pydantic import BaseModel

from emulator.edge.admin.views import PREFIX
from emulator.pool.snap_start import SnapStartPool
from emulator.services.context import Parts


class SnapshotView(BaseModel):
    """The snapshot of a version, and how environments are restored from it."""

    function: str
    version: str
    account: str
    region: str
    #: Whether it is held now; one that was dropped for others is taken anew with the next call.
    held: bool
    #: "copy": each environment is a copy of it; "spare": it goes on itself, and another is made.
    way: str
    #: Why it can't be copied.
    hindrances: list[str]
    #: What all environments share though it should be each one's own.
    shared: list[str]
    #: Milliseconds of the INIT that led to it; None before there was one.
    init_ms: float | None
    #: Environments restored from it that live.
    environments: int


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""

    @app.get(f"{PREFIX}/snapshots", summary="The snapshots of versions with SnapStart")
    async def snapshots(function: str = "") -> list[SnapshotView]:
        """Return those there are and those there were since the start, of one function or all."""
        return [
            _view(pool)
            for pool in parts.pools
            if isinstance(pool, SnapStartPool) and function in ("", pool.version.name)
        ]


def _view(pool: SnapStartPool) -> SnapshotView:
    version = pool.version
    return SnapshotView(
        function=version.name,
        version=version.version,
        account=version.account,
        region=version.region,
        held=pool.has_snapshot,
        way=pool.way,
        hindrances=list(pool.hindrances),
        shared=list(pool.shared),
        init_ms=pool.init_ms,
        environments=len(pool.environments),
    )
