"""Scripts and styles of the pages."""

from __future__ import annotations

from emulator.edge.dashboard.http import PageRequest, PageResponse
from emulator.edge.dashboard.static_files import static
from emulator.services.context import Parts


async def file(parts: Parts, request: PageRequest) -> PageResponse:
    """Answer with a file."""
    return await static(request)
