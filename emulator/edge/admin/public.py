"""What services publish: files that their answers and messages point to."""

from __future__ import annotations

from fastapi import FastAPI, HTTPException
from fastapi.responses import Response

from emulator.edge.admin.views import PREFIX
from emulator.services.context import Parts


def add(app: FastAPI, parts: Parts) -> None:
    """Add the route."""

    @app.get(
        f"{PREFIX}/public/{{service}}/{{name}}",
        summary="A file that a service publishes",
        response_class=Response,
        responses={404: {}},
    )
    async def public(service: str, name: str) -> Response:
        """Return the file, e.g. the certificate that signs messages of topics."""
        try:
            state = await parts.table.state(service)
        except LookupError as error:
            raise HTTPException(404, str(error)) from error
        find = getattr(state, "public_file", None)
        found = None if find is None else await find(name)
        if found is None:
            raise HTTPException(404, f"{service} publishes no {name}")
        return Response(found, media_type="application/octet-stream")
