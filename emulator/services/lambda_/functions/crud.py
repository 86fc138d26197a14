"""Functions: create, read, change, delete."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import Any

from emulator.model.errors import AwsError
from emulator.model.function import LATEST, LATEST_PUBLISHED, Code, FunctionVersion
from emulator.registry.function import Function
from emulator.services.context import Context, Request, Response
from emulator.services.lambda_ import intake as code
from emulator.services.lambda_ import lookup, tags
from emulator.services.lambda_.code import code_signing, layers
from emulator.services.lambda_.concurrency import provisioned
from emulator.services.lambda_.errors import conflict, invalid, stale
from emulator.services.lambda_.functions import runtimes, versions
from emulator.services.lambda_.lifecycle import managed_instances, states
from emulator.services.lambda_.paging import DEFAULT, by_number, last_of, page
from emulator.services.lambda_.rules import configuration, ignored, packaging, snap_start
from emulator.services.lambda_.rules import cross_account as access

#: Characters of a function's name; the shape's 140 hold for ARNs.
_LONGEST_NAME = 64


async def create_function(ctx: Context, request: Request) -> Response:
    """Serve CreateFunction.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    """
    named = lookup.name_of(ctx, request)
    registry = ctx.parts.registry
    _check_name(request["FunctionName"])
    if named.account not in (None, ctx.account):
        raise access.denied(
            ctx,
            lookup.arn_of(ctx, named),
            "lambda:CreateFunction",
            "functions are made in one's own account",
        )
    packaging.check_new(request)
    ignored.refuse_durable(request)
    runtimes.check(ctx, request)
    request = managed_instances.complete(ctx, request)
    tags.check(request.get("Tags") or {})
    layers.check_regions(ctx, request.get("Layers") or [])
    existing = conflict(f"Function already exist: {named.name}")
    if registry.find(ctx.account, ctx.region, named.name) is not None:
        raise existing
    signing = code_signing.named(ctx, request)
    applied = layers.resolve(ctx, request.get("Layers") or [])
    code.check_source(request["Code"])
    kept = await code.from_request(ctx, named.name, request["Code"])
    code_signing.check_deployment(signing, kept)
    version = FunctionVersion(
        account=ctx.account,
        region=ctx.region,
        name=named.name,
        code=kept,
        architecture=(request.get("Architectures") or ["x86_64"])[0],
    )
    version = configuration.apply(version, request, ctx.clock.now(), applied)
    layers.check(ctx, version)
    snap_start.check(version)
    ignored.report(ctx, version)
    if registry.find(ctx.account, ctx.region, named.name) is not None:
        raise existing  # another request was quicker while the archive was unpacked
    function = Function(
        latest=states.creating(version),
        tags=dict(request.get("Tags") or {}),
        settling={LATEST: states.settled(version)},
    )
    if signing is not None:
        function.attached.code_signing_config = signing["CodeSigningConfigArn"]
    registry.add(function)
    try:
        return await _changed(ctx, function, request)
    except AwsError:
        registry.remove(function)  # else who tries again would be told that it exists
        raise


async def get_function(ctx: Context, request: Request) -> Response:
    """Serve GetFunction.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
    """
    function, version = await _shown(ctx, request)
    body: Response = {
        "Configuration": configuration.render(version, lookup.name_of(ctx, request).qualifier),
        "Code": _code_location(ctx, version),
    }
    if function.tags and version.version == LATEST:
        # Recorded: a version has none, although its function has.
        body["Tags"] = dict(function.tags)
    if function.reserved_concurrency is not None:
        body["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
    return body


async def get_function_configuration(ctx: Context, request: Request) -> Response:
    """Serve GetFunctionConfiguration.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
    """
    _, version = await _shown(ctx, request)
    return configuration.render(version, lookup.name_of(ctx, request).qualifier)


async def list_functions(ctx: Context, request: Request) -> Response:
    """Serve ListFunctions.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
    """
    registry = ctx.parts.registry
    functions = registry.functions(ctx.account, ctx.region)
    if request.get("MasterRegion") not in (None, "ALL", ctx.region):
        return {"Functions": []}  # nothing is replicated from elsewhere
    names: Any = registry.names(ctx.account, ctx.region)
    if request.get("FunctionVersion") != "ALL":
        names, marker = page(names, request)
        found = [configuration.listed(functions[name].latest) for name in names]
        return {"Functions": found, "NextMarker": marker}
    # Each function has at least one entry, so this many functions fill a page.
    first = bisect_left(names, (last_of(request) or "").partition(":")[0])
    near = names[first : first + DEFAULT + 2]
    every = [f"{name}:{n}" for name in near for n in (LATEST, *functions[name].versions)]
    chosen, marker = page(every, request, order=_by_name_and_number)
    found = []
    for key in chosen:
        name, _, number = key.partition(":")
        version = functions[name].numbered(number)
        assert version is not None
        found.append(configuration.listed(version, number))
    return {"Functions": found, "NextMarker": marker}


async def update_function_code(ctx: Context, request: Request) -> Response:
    """Serve UpdateFunctionCode.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html
    """
    function = lookup.function(ctx, request)
    _check_revision(function.latest, request)
    packaging.check_code(function.latest, request)
    states.check_settled(function)
    code.check_source(request)
    kept = await code.from_request(ctx, function.name, request)
    code_signing.check_deployment(code_signing.of(ctx, function), kept)
    # Another change may have begun while the archive was unpacked.
    _check_revision(function.latest, request)
    states.check_settled(function)
    architecture = (request.get("Architectures") or [function.latest.architecture])[0]
    changed = replace(function.latest, code=kept, architecture=architecture)
    layers.check(ctx, changed)
    if request.get("Architectures"):
        ignored.report(ctx, changed)
    if request.get("DryRun"):
        return configuration.render(changed)
    return await _change(ctx, function, changed, request, "code updated")


async def update_function_configuration(ctx: Context, request: Request) -> Response:
    """Serve UpdateFunctionConfiguration.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html
    """
    function = lookup.function(ctx, request)
    _check_revision(function.latest, request)
    states.check_settled(function)
    packaging.check_configuration(function.latest, request)
    ignored.refuse_durable(request)
    runtimes.check(ctx, request, function.latest)
    request = managed_instances.complete(ctx, request, function.latest)
    named = request.get("Layers")
    applied = None if named is None else layers.resolve(ctx, named)
    changed = configuration.apply(function.latest, request, ctx.clock.now(), applied)
    layers.check(ctx, changed)
    snap_start.check(changed)
    ignored.report(ctx, changed)
    return await _change(ctx, function, changed, request, "configuration updated")


async def delete_function(ctx: Context, request: Request) -> Response:
    """Serve DeleteFunction.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html
    """
    named = lookup.name_of(ctx, request)
    registry = ctx.parts.registry
    qualifier = named.qualifier
    if qualifier == LATEST:
        lookup.function(ctx, request)
        raise invalid("$LATEST version cannot be deleted without deleting the function.")
    if qualifier is None or qualifier == LATEST_PUBLISHED:
        function = lookup.function(ctx, request)
    else:
        if not lookup.is_version(qualifier):
            raise invalid("Deletion of aliases is not currently supported.")
        function = lookup.function(ctx, request)
        users = [
            alias.name
            for alias in function.aliases.values()
            if qualifier == alias.function_version or qualifier in alias.weights
        ]
        if users:
            raise conflict(
                "Unable to delete version because the following aliases reference it: "
                f"[{', '.join(sorted(users))}]"
            )
    if qualifier is None:
        await registry.delete(function)
    else:
        provisioned.forget(ctx.parts, function, qualifier)
        managed_instances.forget(function, qualifier)
        await registry.delete_version(function, qualifier)
    # Environments end later.
    return {"StatusCode": 204 if function.latest.managed is None else 202}


async def _change(
    ctx: Context, function: Function, changed: FunctionVersion, request: Request, reason: str
) -> Response:
    changed = replace(
        changed,
        generation=function.latest.generation + 1,
        last_modified=configuration.timestamp(ctx.clock.now()),
        revision_id=configuration.new_revision(),
    )
    function.settling[LATEST] = states.settled(changed)
    ctx.parts.registry.update(function, states.updating(changed), reason)
    return await _changed(ctx, function, request)


async def _changed(ctx: Context, function: Function, request: Request) -> Response:
    """Publish where the request says so, save, and let the transition run to its end."""
    body = configuration.render(function.latest)
    published = []
    if request.get("Publish") or request.get("PublishTo"):
        number = versions.publish(ctx, function, {"PublishTo": request.get("PublishTo")})
        published.append(number)
        created = function.latest.state == "Pending"
        body = configuration.render(function.versions[number], None if created else number)
    await states.save(ctx.parts, function, *published)
    return body


async def _shown(ctx: Context, request: Request) -> tuple[Function, FunctionVersion]:
    """Return the version that a request names, as its state is shown."""
    function, version = lookup.version(ctx, request)
    if function.settling:
        await states.look(ctx, function, version.version)
        function, version = lookup.version(ctx, request)
    return function, states.shown(ctx.parts, function, version)


def _by_name_and_number(key: str) -> tuple[str, int]:
    name, _, number = key.partition(":")
    return name, by_number(number)


def _check_name(name: str) -> None:
    # In this one case AWS's violation has the code of a rule across members.
    if ":" not in name and len(name) > _LONGEST_NAME:
        raise invalid(
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy "
            f"constraint: Member must have length less than or equal to {_LONGEST_NAME}"
        )


def _check_revision(version: FunctionVersion, request: Request) -> None:
    if request.get("RevisionId") not in (None, "", version.revision_id):
        raise stale()


def _code_location(ctx: Context, version: FunctionVersion) -> dict[str, str]:
    kept: Code = version.code
    if kept.image:
        return {
            "RepositoryType": "ECR",
            "ImageUri": kept.image,
            "ResolvedImageUri": kept.resolved_image or kept.image,
        }
    location = f"{ctx.endpoint}/_emulator/code/{version.account}/{version.region}/{version.name}"
    return {"RepositoryType": "S3", "Location": f"{location}/{version.version}"}
