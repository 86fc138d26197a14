"""The paths by which set-ups made for LocalStack look after their emulator.

Source: https://docs.localstack.cloud/aws/capabilities/networking/internal-endpoints/
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from fastapi import FastAPI, HTTPException

import emulator
from emulator.services.context import Parts

PREFIX = "/_localstack"
_EDITION = "localfaas"


def add(app: FastAPI, parts: Parts, reset: Callable[[str | None], Awaitable[None]]) -> None:
    """Add the routes."""

    @app.head(f"{PREFIX}/health", include_in_schema=False)
    @app.get(f"{PREFIX}/health", summary="Whether it runs, for tools of LocalStack's")
    async def health() -> dict[str, object]:
        """Return the services: "running" once called, else "available"."""
        services = {
            name: "running" if is_running else "available"
            for name, is_running in parts.table.running().items()
        }
        return {"services": services, "edition": _EDITION, "version": emulator.__version__}

    @app.get(f"{PREFIX}/info", summary="What runs, and since when, for tools of LocalStack's")
    async def info() -> dict[str, object]:
        now = parts.clock.now()
        return {
            "version": emulator.__version__,
            "edition": _EDITION,
            "is_license_activated": False,
            "system": sys.platform,
            "server_time_utc": f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%S}",
            "uptime": int(now - parts.begun),
        }

    def completed() -> dict[str, bool]:
        ready = parts.started.is_set()
        return {"BOOT": True, "START": True, "READY": ready, "SHUTDOWN": False}

    @app.get(f"{PREFIX}/init", summary="How far the start is, for tools of LocalStack's")
    async def init() -> dict[str, object]:
        """Return the stages of the start that are over. Scripts are not run in any of them."""
        return {"completed": completed(), "scripts": []}

    @app.get(
        f"{PREFIX}/init/{{stage}}",
        summary="Whether a stage of the start is over",
        responses={404: {}},
    )
    async def init_stage(stage: str) -> dict[str, object]:
        stages = completed()
        if stage.upper() not in stages:
            raise HTTPException(404, f"There is no stage {stage}.")
        return {"completed": stages[stage.upper()], "scripts": []}

    @app.post(f"{PREFIX}/state/reset", summary="Remove all that was made since the start")
    async def reset_all() -> None:
        await reset(None)
