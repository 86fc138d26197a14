"""Layers: versioned archives that are unpacked under /opt.

A layer's document holds all its versions and the number of the next one; no number is used twice. https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from emulator.model.aws_layers import is_known
from emulator.model.function import Code, FunctionVersion, LayerVersion
from emulator.model.limits import LAYERS, UNZIPPED_CODE
from emulator.registry import records
from emulator.services.context import Context, Request, Response
from emulator.services.lambda_ import intake as code
from emulator.services.lambda_.errors import invalid, not_found, stale
from emulator.services.lambda_.paging import page
from emulator.services.lambda_.rules import configuration, ignored, policies

_ARN = re.compile(r"arn:[^:]*:lambda:([^:]+):(\d{12}):layer:([^:]+)(?::(\d+))?")

Body = dict[str, Any]


class _Layer(NamedTuple):
    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:layer:{self.name}"


async def publish_layer_version(ctx: Context, request: Request) -> Response:
    """Serve PublishLayerVersion.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html
    """
    layer = _named(ctx, request)
    content: Mapping[str, Any] = request["Content"]
    if content.get("ZipFile") is None and not content.get("S3Bucket"):
        raise invalid("Please provide a source for layer content.")
    kept = await code.from_request(ctx, layer.arn, content)
    registry = ctx.parts.registry
    before = registry.layers.find(*layer) or {"next": 1, "versions": {}}
    number: int = before["next"]
    version: Body = {
        "LayerVersionArn": f"{layer.arn}:{number}",
        "LayerArn": layer.arn,
        "Version": number,
        "Description": request.get("Description") or "",
        "CreatedDate": configuration.timestamp(ctx.clock.now()),
        "code": records.of_code(kept),
    }
    for member in ("CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo"):
        if request.get(member) is not None:
            version[member] = request[member]
    versions = {**before["versions"], str(number): version}
    await registry.layers.put(*layer, {"next": number + 1, "versions": versions})
    return _render(ctx, layer, version)


async def get_layer_version(ctx: Context, request: Request) -> Response:
    """Serve GetLayerVersion.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetLayerVersion.html
    """
    layer = _named(ctx, request)
    return _render(ctx, layer, _version(ctx, layer, _number(request)))


async def get_layer_version_by_arn(ctx: Context, request: Request) -> Response:
    """Serve GetLayerVersionByArn.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetLayerVersionByArn.html
    """
    layer, number = _parse(request["Arn"])
    return _render(ctx, layer, _version(ctx, layer, number))


async def list_layers(ctx: Context, request: Request) -> Response:
    """Serve ListLayers.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListLayers.html
    """
    collection = ctx.parts.registry.layers
    newest: dict[str, Body] = {}
    for name in collection.keys(ctx.account, ctx.region):
        matching = _matching(collection.find(ctx.account, ctx.region, name), request)
        if matching:
            newest[name] = matching[0]
    names, marker = page(list(newest), request)
    layers = [
        {
            "LayerName": name,
            "LayerArn": newest[name]["LayerArn"],
            "LatestMatchingVersion": _summary(newest[name]),
        }
        for name in names
    ]
    return {"Layers": layers, "NextMarker": marker}


async def list_layer_versions(ctx: Context, request: Request) -> Response:
    """Serve ListLayerVersions.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListLayerVersions.html
    """
    layer = _named(ctx, request)
    body = ctx.parts.registry.layers.find(*layer)
    found = {str(version["Version"]): version for version in _matching(body, request)}
    numbers, marker = page(list(found), request, order=lambda number: -int(number))
    return {"LayerVersions": [_summary(found[n]) for n in numbers], "NextMarker": marker}


async def delete_layer_version(ctx: Context, request: Request) -> Response:
    """Serve DeleteLayerVersion.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_DeleteLayerVersion.html

    Functions that use it keep it. Deleting a version that does not exist is no error (recorded).
    """
    layer = _named(ctx, request)
    number = _number(request)
    collection = ctx.parts.registry.layers
    body = collection.find(*layer)
    if body is not None and number in body["versions"]:
        left = {n: version for n, version in body["versions"].items() if n != number}
        await collection.put(*layer, {**body, "versions": left})
    return {}


async def add_layer_version_permission(ctx: Context, request: Request) -> Response:
    """Serve AddLayerVersionPermission.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_AddLayerVersionPermission.html
    """
    layer = _named(ctx, request)
    version = _with_policy(ctx, layer, request)
    statement = policies.statement(request, version["LayerVersionArn"])
    policy = policies.add(version.get("policy"), statement)
    _check_revision(version, request)
    revision = await _keep_policy(ctx, layer, version, policy)
    return {"Statement": policies.text(statement), "RevisionId": revision}


async def get_layer_version_policy(ctx: Context, request: Request) -> Response:
    """Serve GetLayerVersionPolicy.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetLayerVersionPolicy.html
    """
    version = _with_policy(ctx, _named(ctx, request), request)
    if version.get("policy") is None:
        raise not_found("No policy is associated with the given resource.")
    return {"Policy": version["policy"], "RevisionId": version["revision"]}


async def remove_layer_version_permission(ctx: Context, request: Request) -> Response:
    """Serve RemoveLayerVersionPermission.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_RemoveLayerVersionPermission.html
    """
    layer = _named(ctx, request)
    version = _with_policy(ctx, layer, request)
    _check_revision(version, request)
    left = policies.remove(version.get("policy"), request["StatementId"])
    await _keep_policy(ctx, layer, version, left)
    return {}


def resolve(ctx: Context, arns: Sequence[str]) -> tuple[LayerVersion, ...]:
    """Return the layers a function names, lowest first.

    Raises:
        AwsError: A layer does not exist, or AWS refuses the list.
    """
    if len(arns) > LAYERS:
        raise invalid(f"Cannot reference more than {LAYERS} layers.")
    check_regions(ctx, arns)
    seen: dict[_Layer, str] = {}
    found = []
    for arn in arns:
        match = _ARN.fullmatch(arn)
        if match is None:
            raise invalid(f"Layer version {arn} does not exist.")
        layer, number = _parse(arn)
        body = ctx.parts.registry.layers.find(*layer)
        version = None if body is None else body["versions"].get(number)
        if version is None and is_known(arn):
            # Its work is done by the emulator, or its packages are installed: there is nothing to
            # be unpacked.
            found.append(LayerVersion(arn=arn, code=Code(sha256="", size=0)))
            continue
        if version is None:
            raise invalid(f"Layer version {arn} does not exist.")
        if layer in seen:
            raise invalid(
                "Two different versions of the same layer are not allowed to be referenced in the "
                f"same function. {seen[layer]} and {arn} are versions of the same layer."
            )
        seen[layer] = arn
        kept = records.to_code(version["code"], ctx.parts.code_folder)
        found.append(LayerVersion(arn=arn, code=kept))
    return tuple(found)


def check_regions(ctx: Context, arns: Sequence[str]) -> None:
    """Refuse layers of another region.

    Recorded: CreateFunction does so before it sees that there is a function of the name.

    Raises:
        AwsError: InvalidParameterValueException.
    """
    for arn in arns:
        if (match := _ARN.fullmatch(arn)) is not None and match[1] != ctx.region:
            raise invalid(
                "Layers are not in the same region as the function. Layers are expected to be in "
                f"region {ctx.region}."
            )


def check(ctx: Context, version: FunctionVersion) -> None:
    """Check that a version's layers fit it.

    Raises:
        AwsError: Code and layers together are too large, or (strict) a layer is made for another
        runtime.
    """
    size = version.code.unpacked_size + sum(layer.code.unpacked_size for layer in version.layers)
    if version.layers and size > UNZIPPED_CODE:
        raise invalid(
            "Function code combined with layers exceeds the maximum allowed size of "
            f"{UNZIPPED_CODE} bytes. The actual size is {size} bytes."
        )
    for applied in version.layers:
        layer, number = _parse(applied.arn)
        body = ctx.parts.registry.layers.find(*layer)
        made = {} if body is None else body["versions"].get(number, {})
        for what, given in (
            ("CompatibleRuntimes", version.runtime),
            ("CompatibleArchitectures", version.architecture),
        ):
            if made.get(what) and given and given not in made[what]:
                ignored.refuse(
                    ctx,
                    f"{version.name}: the layer {applied.arn} is made for "
                    f"{', '.join(made[what])}, not for {given}.",
                )


def _named(ctx: Context, request: Request) -> _Layer:
    name: str = request["LayerName"]
    if name.startswith("arn:"):
        return _parse(name)[0]
    return _Layer(ctx.account, ctx.region, name)


def _parse(arn: str) -> tuple[_Layer, str]:
    match = _ARN.fullmatch(arn)
    if match is None:
        raise not_found()  # AWS's own layers, which are not here
    region, account, name, number = match.groups()
    return _Layer(account, region, name), str(int(number or 0))


def _number(request: Request) -> str:
    number: int = request["VersionNumber"]
    if number < 1:
        raise invalid("Layer Version Cannot be less than 1")
    return str(number)


def _version(ctx: Context, layer: _Layer, number: str) -> Body:
    body = ctx.parts.registry.layers.find(*layer)
    if body is None or number not in body["versions"] or layer.region != ctx.region:
        raise not_found()
    version: Body = body["versions"][number]
    return version


def _matching(body: Body | None, request: Request) -> list[Body]:
    """Return a layer's versions that fit a list request, newest first."""
    if body is None:
        return []
    found = []
    for version in body["versions"].values():
        fits = True
        for member, what in (
            ("CompatibleRuntime", "CompatibleRuntimes"),
            ("CompatibleArchitecture", "CompatibleArchitectures"),
        ):
            wanted = request.get(member)
            fits = fits and (wanted is None or wanted in (version.get(what) or ()))
        if fits:
            found.append(version)
    return found[::-1]


def _with_policy(ctx: Context, layer: _Layer, request: Request) -> Body:
    number = str(request["VersionNumber"])
    body = ctx.parts.registry.layers.find(*layer)
    if body is None or number not in body["versions"]:
        raise not_found(f"Layer version {layer.arn}:{number} does not exist.")
    version: Body = body["versions"][number]
    return version


def _check_revision(version: Body, request: Request) -> None:
    if request.get("RevisionId") and request["RevisionId"] != version.get("revision"):
        raise stale("GetLayerPolicy")


async def _keep_policy(ctx: Context, layer: _Layer, version: Body, policy: str | None) -> str:
    collection = ctx.parts.registry.layers
    body = collection.find(*layer)
    assert body is not None
    changed = {**version, "policy": policy, "revision": configuration.new_revision()}
    number = str(version["Version"])
    await collection.put(*layer, {**body, "versions": {**body["versions"], number: changed}})
    return str(changed["revision"])


def _summary(version: Body) -> Body:
    return {k: v for k, v in version.items() if k not in ("LayerArn", "code", "policy")}


def _render(ctx: Context, layer: _Layer, version: Body) -> Response:
    location = f"{ctx.endpoint}/_emulator/layers/{layer.account}/{layer.region}/{layer.name}"
    return {
        **version,
        "Content": {
            "Location": f"{location}/{version['Version']}",
            "CodeSha256": version["code"]["sha256"],
            "CodeSize": version["code"]["size"],
        },
    }


def size_of_all(ctx: Context) -> int:
    """Return the bytes of all layer versions of an account, as uploaded."""
    collection = ctx.parts.registry.layers
    total = 0
    for name in collection.keys(ctx.account, ctx.region):
        body = collection.find(ctx.account, ctx.region, name) or {"versions": {}}
        total += sum(version["code"]["size"] for version in body["versions"].values())
    return total
