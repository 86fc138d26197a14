"""Resource policies of functions, versions and aliases: by statement, and as a whole.

The policy of a resource is kept as text, so that what was put comes back as it was, with a
RevisionId of its own. https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

from __future__ import annotations

import re

import orjson

from emulator.model.errors import AwsError
from emulator.model.function import LATEST
from emulator.registry.attachments import ResourcePolicy
from emulator.registry.function import Function
from emulator.services.context import Context, Request, Response
from emulator.services.lambda_ import lookup
from emulator.services.lambda_.errors import NO_RESOURCE, invalid, not_found, stale
from emulator.services.lambda_.rules import cross_account as access
from emulator.services.lambda_.rules import policies
from emulator.services.lambda_.rules.configuration import new_revision

_FUNCTION_ARN = re.compile(r"arn:[^:]*:lambda:([^:]+):(\d{12}):function:([^:]+)(?::(.+))?")


async def add_permission(ctx: Context, request: Request) -> Response:
    """Serve AddPermission.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
    """
    named = lookup.name_of(ctx, request)
    if named.qualifier == LATEST:
        raise invalid("We currently do not support adding policies for $LATEST.")
    principal = policies.principal(request["Principal"])
    function = lookup.find(ctx, named)
    if function is None:
        raise lookup.function_not_found(lookup.arn_of(ctx, named, named.qualifier))
    if named.qualifier is not None:
        lookup.published(function, named.qualifier)
    _check_revision(function, named.qualifier, request)
    resource = lookup.arn_of(ctx, named, named.qualifier)
    statement = policies.statement({**request}, resource) | {"Principal": principal}
    _set(function, named.qualifier, policies.add(_text(function, named.qualifier), statement))
    await ctx.parts.registry.save(function)
    return {"Statement": policies.text(statement)}


async def remove_permission(ctx: Context, request: Request) -> Response:
    """Serve RemovePermission.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_RemovePermission.html
    """
    named = lookup.name_of(ctx, request)
    function = lookup.find(ctx, named)
    if function is None:
        raise not_found(f"No policy found for: {lookup.arn_of(ctx, named, named.qualifier)}")
    if named.qualifier not in (None, LATEST):
        lookup.published(function, str(named.qualifier))
    left = policies.remove(_text(function, named.qualifier), request["StatementId"])
    _check_revision(function, named.qualifier, request)
    _set(function, named.qualifier, left)
    await ctx.parts.registry.save(function)
    return {}


async def get_policy(ctx: Context, request: Request) -> Response:
    """Serve GetPolicy.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetPolicy.html
    """
    named = lookup.name_of(ctx, request)
    function = lookup.find(ctx, named)
    return _get(function, named.qualifier)


async def put_resource_policy(ctx: Context, request: Request) -> Response:
    """Serve PutResourcePolicy.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_PutResourcePolicy.html
    """
    function, qualifier = _resource(ctx, request["ResourceArn"])
    if function is None:
        raise lookup.function_not_found(request["ResourceArn"])
    if qualifier == LATEST:
        raise invalid("We currently do not support adding policies for $LATEST.")
    if qualifier is not None:
        lookup.published(function, qualifier)
    policy: str = request["Policy"]
    _check_policy(policy, request["ResourceArn"])
    _check_revision(function, qualifier, request, "GetResourcePolicy")
    _set(function, qualifier, policy)
    await ctx.parts.registry.save(function)
    return _get(function, qualifier)


async def get_resource_policy(ctx: Context, request: Request) -> Response:
    """Serve GetResourcePolicy.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetResourcePolicy.html
    """
    return _get(*_resource(ctx, request["ResourceArn"]))


async def delete_resource_policy(ctx: Context, request: Request) -> Response:
    """Serve DeleteResourcePolicy.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_DeleteResourcePolicy.html
    """
    function, qualifier = _resource(ctx, request["ResourceArn"])
    if function is None or _text(function, qualifier) is None:
        raise not_found()
    _check_revision(function, qualifier, request, "GetResourcePolicy")
    _set(function, qualifier, None)
    await ctx.parts.registry.save(function)
    return {}


def _resource(ctx: Context, arn: str) -> tuple[Function | None, str | None]:
    match = _FUNCTION_ARN.fullmatch(arn)
    if match is None:
        # Custom runtimes are the other resources with a policy; they cannot be created here.
        raise not_found()
    region, account, name, qualifier = match.groups()
    if region != ctx.region:
        raise not_found()
    access.check(ctx, account, name, qualifier)
    return ctx.parts.registry.find(account, region, name), qualifier


def _check_policy(policy: str, resource: str) -> None:
    """Refuse a text that is no policy for this resource.

    Raises:
        AwsError: InvalidParameterValueException; PolicyLengthExceededException.
    """
    try:
        body = orjson.loads(policy)
    except orjson.JSONDecodeError as error:
        raise invalid(f"The policy is not valid JSON: {error}") from None
    found = body.get("Statement") if isinstance(body, dict) else None
    found = [found] if isinstance(found, dict) else found
    if not isinstance(found, list) or not found:
        raise invalid("The policy must be an object with at least one Statement.")
    for each in found:
        if not isinstance(each, dict) or each.get("Effect") not in ("Allow", "Deny"):
            raise invalid("Each statement of the policy must have an Effect of Allow or Deny.")
        if not ({"Principal", "NotPrincipal"} & each.keys()):
            raise invalid("Each statement of the policy must have a Principal.")
        if not ({"Action", "NotAction"} & each.keys()):
            raise invalid("Each statement of the policy must have an Action.")
        resources = each.get("Resource")
        for named in resources if isinstance(resources, list) else [resources]:
            if named != resource:
                raise invalid(f"The Resource of each statement of the policy must be {resource}.")
    if len(policy.encode()) > policies.LONGEST:
        raise AwsError(
            "PolicyLengthExceededException",
            f"The final policy size ({len(policy.encode())}) is bigger than the limit "
            f"({policies.LONGEST}).",
            Type="User",
        )


def _text(function: Function, qualifier: str | None) -> str | None:
    held = function.attached.policies.get(qualifier or LATEST)
    return None if held is None else held.policy


def _set(function: Function, qualifier: str | None, policy: str | None) -> None:
    held = function.attached.policies
    if policy is None:
        held.pop(qualifier or LATEST, None)
    else:
        held[qualifier or LATEST] = ResourcePolicy(policy=policy, revision_id=new_revision())


def _get(function: Function | None, qualifier: str | None) -> Response:
    held = None
    if function is not None:
        held = function.attached.policies.get(qualifier or LATEST)
    if held is None:
        raise not_found(NO_RESOURCE)
    return held.to_wire()


def _check_revision(
    function: Function, qualifier: str | None, request: Request, call: str = "GetPolicy"
) -> None:
    """Refuse a request for another revision of a policy than the present one.

    A policy has revisions of its own, but begins with that of its function, version or alias:
    recorded.

    Raises:
        AwsError: PreconditionFailedException.
    """
    wanted = request.get("RevisionId")
    held = function.attached.policies.get(qualifier or LATEST)
    present = function.revision_of(qualifier or LATEST) if held is None else held.revision_id
    if wanted and wanted != present:
        raise stale(call)
