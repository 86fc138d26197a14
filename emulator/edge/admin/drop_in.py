"""The paths by which set-ups made for LocalStack look after their emulator."""

from __future__ import annotations

from fastapi import FastAPI

import emulator
from emulator.services.context import Parts

PREFIX = "/_localstack"


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""

    @app.head(f"{PREFIX}/health", include_in_schema=False)
    @app.get(f"{PREFIX}/health", summary="Whether it runs, for tools of LocalStack's")
    async def health() -> dict[str, object]:
        """Return the services: "running" once called, else "available"."""
        services = {
            name: "running" if is_running else "available"
            for name, is_running in parts.table.running().items()
        }
        return {"services": services, "edition": "localfaas", "version": emulator.__version__}
