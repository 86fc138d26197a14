"""Downloads of code and layers: where Lambda's Code.Location and Content.Location point."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import FileResponse

from emulator.code import package
from emulator.edge.admin.views import PREFIX
from emulator.model.function import FunctionVersion
from emulator.services.context import Parts

_ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}}, 404: {}}


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""

    @app.get(
        f"{PREFIX}/code/{{account}}/{{region}}/{{name}}/{{version}}",
        summary="A function version's code as a zip archive",
        response_class=Response,
        responses=_ZIP,
    )
    async def code(account: str, region: str, name: str, version: str) -> Response:
        """Return the archive that GetFunction's Code.Location points to.

        It is the archive as it was uploaded; of a user's own folder, its content packed now.
        """
        found = parts.registry.find(account, region, name)
        chosen: FunctionVersion | None = None if found is None else found.numbered(version)
        if chosen is None:
            raise HTTPException(404, f"Function not found: {name}:{version}")
        folder = chosen.code.folder
        if folder is None:
            raise HTTPException(404, f"{name} is an image: {chosen.code.image}")
        if not chosen.code.live:
            return _uploaded(parts, chosen.code.sha256, f"{name}.zip")
        archive = await asyncio.to_thread(package.zip_folder, folder)
        return Response(archive, media_type="application/zip", headers=_named(f"{name}.zip"))

    @app.get(
        f"{PREFIX}/layers/{{account}}/{{region}}/{{name}}/{{version}}",
        summary="A layer version's content as a zip archive",
        response_class=Response,
        responses=_ZIP,
    )
    async def layer(account: str, region: str, name: str, version: str) -> Response:
        """Return the archive that GetLayerVersion's Content.Location points to, as uploaded."""
        body = parts.registry.layers.find(account, region, name) or {}
        chosen = body.get("versions", {}).get(version)
        if chosen is None:
            raise HTTPException(404, f"Layer version not found: {name}:{version}")
        return _uploaded(parts, chosen["code"]["sha256"], f"{name}.zip")


def _uploaded(parts: Parts, sha256: str, filename: str) -> Response:
    path = parts.blobs.path(base64.b64decode(sha256).hex())
    if not path.is_file():
        raise HTTPException(404, f"The archive {filename} is gone: {path}")
    return FileResponse(path, media_type="application/zip", headers=_named(filename))


def _named(filename: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{filename}"'}
