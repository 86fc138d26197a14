"""Documentation parts and versions.

https://docs.aws.amazon.com/apigateway/latest/api/API_DocumentationPart.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.apigateway.documents import Document, drop, new_id, put
from emulator.services.apigateway.errors import bad_request, conflict, found, unknown
from emulator.services.apigateway.paging import page
from emulator.services.apigateway.patch import Field, apply
from emulator.services.apigateway.stages import stage_of
from emulator.services.apigateway.state import api_of, keep_api
from emulator.services.context import Context, Request, Response

PART_FIELDS = (Field("/properties"),)
VERSION_FIELDS = (Field("/description"),)


def place(location: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what tells a location from all others."""
    names = ("type", "path", "method", "statusCode", "name")
    return tuple(str(location.get(each) or "") for each in names)


def with_part(api: Document, location: Mapping[str, Any], properties: str) -> tuple[Document, str]:
    """Return an API with one documentation part more, and the part's id."""
    part: Document = {
        "id": new_id(),
        "location": {k: v for k, v in location.items() if v is not None},
        "properties": properties,
    }
    return put(api, ["documentation", part["id"]], part), part["id"]


def with_parts(api: Document, parts: Iterable[Any]) -> tuple[Document, list[str]]:
    """Return an API with the documentation parts of a definition, and their ids.

    Raises:
        AwsError: One is none.
    """
    held = dict(api.get("documentation") or {})
    ids = {place(each["location"]): key for key, each in held.items()}
    given = []
    for each in parts:
        if not isinstance(each, Mapping) or not isinstance(each.get("location"), Mapping):
            raise bad_request("Invalid documentation part: it has no location")
        location = {k: v for k, v in each["location"].items() if v is not None}
        part_id = ids.setdefault(place(location), new_id())
        text = json.dumps(each.get("properties") or {}, separators=(",", ":"))
        before = held.get(part_id) or {"id": part_id, "location": location}
        held[part_id] = {**before, "properties": text}
        given.append(part_id)
    return ({**api, "documentation": held} if held else api), given


def part_at(api: Mapping[str, Any], location: Mapping[str, Any]) -> Document | None:
    """Return the part that documents a place; None: there is none."""
    parts = (api.get("documentation") or {}).values()
    wanted = place(location)
    return next((each for each in parts if place(each["location"]) == wanted), None)


async def create_documentation_part(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateDocumentationPart.html."""
    api = api_of(ctx, request["restApiId"])
    if not request["properties"]:
        raise bad_request("Documentation part properties must be non-empty")
    if part_at(api, request["location"]) is not None:
        raise conflict(
            "Documentation part already exists for the specified location: "
            + _where(request["location"])
        )
    changed, part_id = with_part(api, request["location"], request["properties"])
    await keep_api(ctx, changed)
    return dict(changed["documentation"][part_id])


def _where(location: Mapping[str, Any]) -> str:
    kind = location.get("type", "")
    rest = ", ".join(f"{k}: '{v}'" for k, v in location.items() if k != "type" and v)
    return f"type '{kind}'" + (f", {rest}" if rest else "")


def _part(ctx: Context, request: Request) -> tuple[Document, Document]:
    try:
        api = api_of(ctx, request["restApiId"])
    except AwsError:
        # Recorded: for reading and changing, an API that is not there has no parts.
        raise unknown("documentation") from None
    parts = api.get("documentation") or {}
    return api, found(parts, request["documentationPartId"], "documentation")


async def get_documentation_part(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetDocumentationPart.html."""
    return _part(ctx, request)[1]


async def get_documentation_parts(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetDocumentationParts.html."""
    api = api_of(ctx, request["restApiId"])
    kind, path = request.get("type"), request.get("path")
    name = request.get("nameQuery") or ""
    parts = [
        each
        for each in (api.get("documentation") or {}).values()
        if kind in (None, each["location"]["type"])
        and path in (None, each["location"].get("path"))
        and name in (each["location"].get("name") or "")
    ]
    return page(parts, request)


async def delete_documentation_part(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteDocumentationPart.html."""
    api = api_of(ctx, request["restApiId"])
    part = found(api.get("documentation") or {}, request["documentationPartId"], "documentation")
    await keep_api(ctx, drop(api, ["documentation", part["id"]]))
    return {}


async def update_documentation_part(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateDocumentationPart.html."""
    api, held = _part(ctx, request)
    part = apply(held, request.get("patchOperations") or (), PART_FIELDS)
    if not part.get("properties"):
        raise bad_request("Documentation part properties must be non-empty")
    await keep_api(ctx, put(api, ["documentation", part["id"]], part))
    return part


def _version(api: Document, version: str) -> Document:
    versions = api.get("documentationVersions") or {}
    return found(versions, version, "documentation version")


def _shown(version: Mapping[str, Any]) -> Response:
    return {k: v for k, v in version.items() if k != "parts"}


async def create_documentation_version(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateDocumentationVersion.html."""
    api = api_of(ctx, request["restApiId"])
    name = request["documentationVersion"]
    if name in (api.get("documentationVersions") or {}):
        raise conflict("Documentation version already exists for this REST API")
    if not api.get("documentation"):
        raise bad_request("No documentation parts to snapshot")
    version = {
        "version": name,
        "createdDate": int(ctx.clock.now()),
        "parts": api["documentation"],
    }
    if request.get("description"):
        version["description"] = request["description"]
    changed = put(api, ["documentationVersions", name], version)
    if request.get("stageName"):
        stage_of(api, request["stageName"])
        changed = put(changed, ["stages", request["stageName"], "documentationVersion"], name)
    await keep_api(ctx, changed)
    return _shown(version)


async def get_documentation_version(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetDocumentationVersion.html."""
    return _shown(_version(api_of(ctx, request["restApiId"]), request["documentationVersion"]))


async def get_documentation_versions(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetDocumentationVersions.html."""
    api = api_of(ctx, request["restApiId"])
    versions = (api.get("documentationVersions") or {}).values()
    return page([_shown(each) for each in versions], request)


async def delete_documentation_version(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteDocumentationVersion.html."""
    api = api_of(ctx, request["restApiId"])
    name = _version(api, request["documentationVersion"])["version"]
    for stage in (api.get("stages") or {}).values():
        if stage.get("documentationVersion") == name:
            raise bad_request(
                "Cannot delete documentation version. It is associated with stage "
                f"{stage['stageName']}"
            )
    await keep_api(ctx, drop(api, ["documentationVersions", name]))
    return {}


async def update_documentation_version(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateDocumentationVersion.html."""
    api = api_of(ctx, request["restApiId"])
    version = apply(
        _version(api, request["documentationVersion"]),
        request.get("patchOperations") or (),
        VERSION_FIELDS,
    )
    await keep_api(ctx, put(api, ["documentationVersions", version["version"]], version))
    return _shown(version)
