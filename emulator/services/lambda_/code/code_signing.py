"""Code signing configurations, and which function has which.

Archives in requests carry no signature that could be checked, so a configuration that enforces
signatures refuses every deployment of code.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html
"""

from __future__ import annotations

import secrets
import string
from typing import Any

from emulator.model.errors import AwsError
from emulator.model.function import Code
from emulator.registry.function import Function
from emulator.services.context import Context, Request, Response
from emulator.services.lambda_ import lookup, tags
from emulator.services.lambda_.errors import conflict, not_found
from emulator.services.lambda_.paging import page
from emulator.services.lambda_.rules import configuration

Body = dict[str, Any]


async def create_code_signing_config(ctx: Context, request: Request) -> Response:
    """Serve CreateCodeSigningConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateCodeSigningConfig.html
    """
    tags.check(request.get("Tags") or {})
    letters = string.ascii_lowercase + string.digits
    identifier = "csc-" + "".join(secrets.choice(letters) for _ in range(17))
    arn = f"arn:aws:lambda:{ctx.region}:{ctx.account}:code-signing-config:{identifier}"
    body = {
        "CodeSigningConfigId": identifier,
        "CodeSigningConfigArn": arn,
        "Description": request.get("Description") or "",
        "AllowedPublishers": request["AllowedPublishers"],
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"}
        | (request.get("CodeSigningPolicies") or {}),
        "LastModified": configuration.timestamp(ctx.clock.now()),
        "Tags": request.get("Tags") or {},
    }
    await ctx.parts.registry.code_signing.put(ctx.account, ctx.region, arn, body)
    return {"CodeSigningConfig": body}


async def get_code_signing_config(ctx: Context, request: Request) -> Response:
    """Serve GetCodeSigningConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetCodeSigningConfig.html
    """
    return {"CodeSigningConfig": _existing(ctx, request)}


async def list_code_signing_configs(ctx: Context, request: Request) -> Response:
    """Serve ListCodeSigningConfigs.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListCodeSigningConfigs.html
    """
    collection = ctx.parts.registry.code_signing
    arns, marker = page(collection.keys(ctx.account, ctx.region), request)
    found = [collection.find(ctx.account, ctx.region, arn) for arn in arns]
    return {"CodeSigningConfigs": found, "NextMarker": marker}


async def update_code_signing_config(ctx: Context, request: Request) -> Response:
    """Serve UpdateCodeSigningConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateCodeSigningConfig.html
    """
    body = dict(_existing(ctx, request))
    for member in ("Description", "AllowedPublishers"):
        if request.get(member) is not None:
            body[member] = request[member]
    if request.get("CodeSigningPolicies") is not None:
        body["CodeSigningPolicies"] = body["CodeSigningPolicies"] | request["CodeSigningPolicies"]
    body["LastModified"] = configuration.timestamp(ctx.clock.now())
    arn = body["CodeSigningConfigArn"]
    await ctx.parts.registry.code_signing.put(ctx.account, ctx.region, arn, body)
    return {"CodeSigningConfig": body}


async def delete_code_signing_config(ctx: Context, request: Request) -> Response:
    """Serve DeleteCodeSigningConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_DeleteCodeSigningConfig.html
    """
    arn = _existing(ctx, request)["CodeSigningConfigArn"]
    if _users(ctx, arn):
        raise conflict(
            f"The code signing configuration {arn} is used by functions. Remove it from them "
            "before you delete it."
        )
    await ctx.parts.registry.code_signing.delete(ctx.account, ctx.region, arn)
    return {}


async def list_functions_by_code_signing_config(ctx: Context, request: Request) -> Response:
    """Serve ListFunctionsByCodeSigningConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctionsByCodeSigningConfig.html
    """
    arn = _existing(ctx, request)["CodeSigningConfigArn"]
    arns, marker = page(_users(ctx, arn), request)
    return {"FunctionArns": list(arns), "NextMarker": marker}


async def put_function_code_signing_config(ctx: Context, request: Request) -> Response:
    """Serve PutFunctionCodeSigningConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionCodeSigningConfig.html
    """
    body = named(ctx, request)
    assert body is not None
    function = lookup.function(ctx, request)
    arn = body["CodeSigningConfigArn"]
    function.attached.code_signing_config = arn
    await ctx.parts.registry.save(function)
    return {"CodeSigningConfigArn": arn, "FunctionName": function.name}


async def get_function_code_signing_config(ctx: Context, request: Request) -> Response:
    """Serve GetFunctionCodeSigningConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionCodeSigningConfig.html
    """
    function = lookup.function(ctx, request)
    arn = function.attached.code_signing_config
    return {} if arn is None else {"CodeSigningConfigArn": arn, "FunctionName": function.name}


async def delete_function_code_signing_config(ctx: Context, request: Request) -> Response:
    """Serve DeleteFunctionCodeSigningConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunctionCodeSigningConfig.html
    """
    function = lookup.function(ctx, request)
    if function.attached.code_signing_config is not None:
        function.attached.code_signing_config = None
        await ctx.parts.registry.save(function)
    return {}


def named(ctx: Context, request: Request) -> Body | None:
    """Return the configuration a request names by ARN, None where it names none.

    Raises:
        AwsError: CodeSigningConfigNotFoundException.
    """
    arn = request.get("CodeSigningConfigArn")
    if not arn:
        return None
    body = ctx.parts.registry.code_signing.find(ctx.account, ctx.region, arn)
    if body is None:
        raise AwsError(
            "CodeSigningConfigNotFoundException",
            "The code signing configuration cannot be found. Check that the provided "
            f"configuration is not deleted: {arn}.",
            Type="User",
        )
    return body


def of(ctx: Context, function: Function) -> Body | None:
    """Return the configuration a function has, if any."""
    arn = function.attached.code_signing_config
    latest = function.latest
    return ctx.parts.registry.code_signing.find(latest.account, latest.region, arn or "")


def check_deployment(body: Body | None, code: Code) -> None:
    """Refuse unsigned code where a configuration enforces signatures.

    Raises:
        AwsError: CodeVerificationFailedException.
    """
    if body is None or code.image:
        return
    if body["CodeSigningPolicies"]["UntrustedArtifactOnDeployment"] == "Enforce":
        raise AwsError(
            "CodeVerificationFailedException",
            "Lambda cannot deploy the function. The function or layer might be signed using a "
            "signature that the client is not configured to accept. Check the provided signature "
            "for unsigned.",
            Type="User",
        )


def _existing(ctx: Context, request: Request) -> Body:
    arn: str = request["CodeSigningConfigArn"]
    body = ctx.parts.registry.code_signing.find(ctx.account, ctx.region, arn)
    if body is None:
        raise not_found(f"The Lambda code signing configuration {arn} can not be found.")
    return body


def _users(ctx: Context, arn: str) -> list[str]:
    functions = ctx.parts.registry.functions(ctx.account, ctx.region).values()
    return sorted(f.arn for f in functions if f.attached.code_signing_config == arn)
