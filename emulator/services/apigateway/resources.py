"""Resources: the paths of an API, as a tree.

https://docs.aws.amazon.com/apigateway/latest/api/API_Resource.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from emulator.services.apigateway.documents import Document, new_id
from emulator.services.apigateway.errors import bad_request, conflict, found
from emulator.services.apigateway.paging import page
from emulator.services.apigateway.patch import Field as PatchField
from emulator.services.apigateway.patch import find
from emulator.services.apigateway.state import api_of, keep_api
from emulator.services.context import Context, Request, Response

_PART = re.compile(r"[a-zA-Z0-9._\-:%@$+,;=!*'()~&]+|\{[a-zA-Z0-9._\-:]+\+?\}")
_ALLOWED = (
    "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly "
    "braces at the beginning and the end."
)

FIELDS = (PatchField("/parentId"), PatchField("/pathPart"))


def is_greedy(part: str) -> bool:
    """Say whether a path part takes all that follows."""
    return part.endswith("+}")


def shown(resource: Mapping[str, Any], *, methods: bool = False) -> Response:
    """Return a resource as it is answered, with its methods in full or by name alone."""
    answer = {k: v for k, v in resource.items() if k not in ("methods",)}
    held = resource.get("methods") or {}
    if held:
        answer["resourceMethods"] = {k: v if methods else {} for k, v in held.items()}
    return answer


def resource_of(api: Document, resource_id: str) -> Document:
    """Return a resource of an API.

    Raises:
        AwsError: There is none of this id.
    """
    return found(api["resources"], resource_id, "resource")


def children(api: Document, resource_id: str) -> list[Document]:
    """Return the resources right below one."""
    return [each for each in api["resources"].values() if each.get("parentId") == resource_id]


def add(api: Document, parent_id: str, part: str) -> tuple[Document, Document]:
    """Return an API with one resource more, and the resource.

    Raises:
        AwsError: It can't be there.
    """
    resource = made(resource_of(api, parent_id), part, children(api, parent_id))
    return {**api, "resources": {**api["resources"], resource["id"]: resource}}, resource


def made(parent: Document, part: str, siblings: Iterable[Document]) -> Document:
    """Return a new resource below another.

    Args:
        parent: The resource above.
        part: The path part.
        siblings: Those below it that have this part, or one that is a variable; or all.

    Raises:
        AwsError: It can't be there.
    """
    check_place(parent, part, siblings)
    return {
        "id": new_id(),
        "parentId": parent["id"],
        "pathPart": part,
        "path": join(parent["path"], part),
    }


def join(parent_path: str, part: str) -> str:
    """Return the path of a resource below another."""
    return f"{parent_path.rstrip('/')}/{part}"


def check_place(parent: Document, part: str, siblings: Iterable[Document], but: str = "") -> None:
    """Check that a path part can be below a resource.

    Args:
        parent: The resource above.
        part: The path part.
        siblings: Those below it that have this part, or one that is a variable; or all.
        but: The id of a resource that is there and moves.

    Raises:
        AwsError: It can't.
    """
    if not _PART.fullmatch(part):
        raise bad_request(_ALLOWED)
    if is_greedy(parent.get("pathPart", "")):
        raise bad_request(
            f"Cannot create a child of a resource with a greedy path variable {parent['pathPart']}"
        )
    for each in siblings:
        if each["id"] == but:
            continue
        if each["pathPart"] == part:
            raise conflict(f"Another resource with the same parent already has this name: {part}")
        if each["pathPart"].startswith("{") and part.startswith("{"):
            raise bad_request(
                f"A sibling ({each['pathPart']}) of this resource already has a variable path "
                "part -- only one is allowed"
            )


async def create_resource(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateResource.html."""
    api = api_of(ctx, request["restApiId"])
    changed, resource = add(api, request["parentId"], request["pathPart"])
    await keep_api(ctx, changed)
    return shown(resource)


async def get_resource(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetResource.html."""
    api = api_of(ctx, request["restApiId"])
    embed = "methods" in (request.get("embed") or ())
    return shown(resource_of(api, request["resourceId"]), methods=embed)


async def get_resources(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetResources.html."""
    api = api_of(ctx, request["restApiId"])
    embed = "methods" in (request.get("embed") or ())
    resources = sorted(api["resources"].values(), key=lambda each: each["path"])
    return page([shown(each, methods=embed) for each in resources], request)


async def delete_resource(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteResource.html."""
    api = api_of(ctx, request["restApiId"])
    resource = resource_of(api, request["resourceId"])
    if "parentId" not in resource:
        raise bad_request("Root resource cannot be deleted")
    gone = {resource["id"], *_below(api, resource["id"])}
    left = {key: each for key, each in api["resources"].items() if key not in gone}
    await keep_api(ctx, {**api, "resources": left})
    return {}


def _below(api: Document, resource_id: str) -> list[str]:
    below: list[str] = []
    for each in children(api, resource_id):
        below += [each["id"], *_below(api, each["id"])]
    return below


async def update_resource(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateResource.html."""
    api = api_of(ctx, request["restApiId"])
    resource = resource_of(api, request["resourceId"])
    for each in request.get("patchOperations") or ():
        field, _ = find(each.get("op") or "", each.get("path") or "", FIELDS)
        name = field.path[1:]
        if "parentId" not in resource:
            raise bad_request(f"Root resource cannot update its {name}.")
        resource = _moved(api, {**resource, name: each.get("value") or ""})
    if "parentId" not in resource:
        return shown(resource)
    api = _settled({**api, "resources": {**api["resources"], resource["id"]: resource}}, resource)
    await keep_api(ctx, api)
    return shown(api["resources"][resource["id"]])


def _moved(api: Document, resource: Document) -> Document:
    """Return a resource with another parent or part, checked."""
    parent = resource_of(api, resource["parentId"])
    if parent["id"] in (resource["id"], *_below(api, resource["id"])):
        raise bad_request("Resources cannot be cyclical.")
    if is_greedy(parent.get("pathPart", "")):
        raise bad_request(
            f"Cannot create a child of a resource with a greedy path variable {parent['pathPart']}"
        )
    siblings = children(api, parent["id"])
    check_place(parent, resource["pathPart"], siblings, but=resource["id"])
    return resource


def _settled(api: Document, resource: Document) -> Document:
    """Return an API with the paths that follow from a resource's new place."""
    parent = api["resources"][resource["parentId"]]
    placed = {**resource, "path": join(parent["path"], resource["pathPart"])}
    api = {**api, "resources": {**api["resources"], placed["id"]: placed}}
    for each in children(api, placed["id"]):
        api = _settled(api, each)
    return api


def label(path: str, method: str) -> str:
    """Return a method as errors name it."""
    return f"{path}/{method}" if path != "/" else f"//{method}"


def all_methods(api: Mapping[str, Any]) -> list[tuple[str, str, Document]]:
    """Return path, HTTP method and document of every method of an API."""
    return [
        (resource["path"], name, method)
        for resource in api["resources"].values()
        for name, method in (resource.get("methods") or {}).items()
    ]
