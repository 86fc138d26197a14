"""The admin API's list of services, and what serves each."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from emulator.edge.admin.views import PREFIX
from emulator.services.context import Parts


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""

    @app.get(f"{PREFIX}/services", summary="What serves each service, and what of it lasts")
    async def services() -> list[dict[str, Any]]:
        """Return the services: those of localfaas, attached ones, and those of the library."""
        return await parts.table.describe()
