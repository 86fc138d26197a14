"""Operations that list what stacks have: resources, events, exports, imports, types."""

from __future__ import annotations

from emulator.model.errors import AwsError
from emulator.services.cloudformation import views
from emulator.services.cloudformation.lookup import page, refused, stack_of
from emulator.services.cloudformation.stack import Resource, Stack
from emulator.services.cloudformation.state import of
from emulator.services.context import Context, Request, Response
from emulator.stack import schemas


async def describe_stack_events(ctx: Context, request: Request) -> Response:
    """Handle DescribeStackEvents: the newest first."""
    stack = stack_of(ctx, str(request["StackName"]))
    events, following = page(stack.events[::-1], request.get("NextToken"))
    return {
        "StackEvents": [views.of_event(stack, each) for each in events],
        "NextToken": following,
    }


async def describe_stack_resources(ctx: Context, request: Request) -> Response:
    """Handle DescribeStackResources."""
    name, physical = request.get("StackName"), request.get("PhysicalResourceId")
    if bool(name) == bool(physical):
        raise refused("Specify either StackName or PhysicalResourceId, not both.")
    if physical:
        for stack in of(ctx).store.all(ctx.account, ctx.region):
            if any(each.physical == physical for each in stack.resources.values()):
                break
        else:
            raise refused(f"Stack for {physical} does not exist")
    else:
        stack = stack_of(ctx, str(name))
    logical = request.get("LogicalResourceId")
    found = [
        views.of_resource(stack, each)
        for each in _by_name(stack)
        if logical in (None, "", each.logical)
    ]
    return {"StackResources": found}


def _by_name(stack: Stack) -> list[Resource]:
    """Return a stack's resources in the order in which AWS lists them."""
    return sorted(stack.resources.values(), key=lambda each: each.logical)


async def describe_stack_resource(ctx: Context, request: Request) -> Response:
    """Handle DescribeStackResource."""
    stack = stack_of(ctx, str(request["StackName"]))
    logical = str(request["LogicalResourceId"])
    found = stack.resources.get(logical)
    if found is None:
        raise refused(f"Resource {logical} does not exist for stack {request['StackName']}")
    import orjson

    metadata = orjson.dumps(found.metadata).decode()
    return {"StackResourceDetail": {**views.of_resource(stack, found), "Metadata": metadata}}


async def list_stack_resources(ctx: Context, request: Request) -> Response:
    """Handle ListStackResources."""
    stack = stack_of(ctx, str(request["StackName"]))
    found, following = page(_by_name(stack), request.get("NextToken"))
    return {
        "StackResourceSummaries": [views.of_resource(stack, each) for each in found],
        "NextToken": following,
    }


async def list_exports(ctx: Context, request: Request) -> Response:
    """Handle ListExports."""
    found = [
        {"ExportingStackId": stack.stack_id, "Name": name, "Value": value}
        for stack in of(ctx).store.all(ctx.account, ctx.region)
        for name, value in stack.exports.items()
        if not stack.is_gone
    ]
    found.sort(key=lambda each: each["Name"])
    exports, following = page(found, request.get("NextToken"))
    return {"Exports": exports, "NextToken": following}


async def list_imports(ctx: Context, request: Request) -> Response:
    """Handle ListImports."""
    name = str(request["ExportName"])
    stacks = [s for s in of(ctx).store.all(ctx.account, ctx.region) if not s.is_gone]
    if not any(name in stack.exports for stack in stacks):
        raise refused(f"Export {name} does not exist")
    users = [stack.name for stack in stacks if name in stack.imports]
    if not users:
        raise refused(f"Export '{name}' is not imported by any stack.")
    imports, following = page(users, request.get("NextToken"))
    return {"Imports": imports, "NextToken": following}


async def list_types(ctx: Context, request: Request) -> Response:
    """Handle ListTypes: AWS's public resource types."""
    found, following = page(
        schemas.kinds(), request.get("NextToken"), request.get("MaxResults") or 100
    )
    return {
        "TypeSummaries": [{"Type": "RESOURCE", "TypeName": name} for name in found],
        "NextToken": following,
    }


async def describe_type(ctx: Context, request: Request) -> Response:
    """Handle DescribeType: nothing is registered here, so that AWS's own types alone are known.

    Raises:
        AwsError: TypeNotFoundException; or NotImplementedException for a type of AWS.
    """
    name = str(request.get("TypeName") or request.get("Arn") or "")
    if schemas.find(name) is None:
        raise AwsError("TypeNotFoundException", f"The type '{name}' cannot be found.", status=404)
    raise AwsError(
        "NotImplementedException",
        f"localfaas does not keep the documentation of {name}.",
        status=501,
    )
