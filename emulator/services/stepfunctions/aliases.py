"""Aliases of machines: a name for one version, or for two that share the executions.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-alias.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.stepfunctions import arns, errors
from emulator.services.stepfunctions.arns import Arn
from emulator.services.stepfunctions.paging import page
from emulator.services.stepfunctions.state import of

_MOST = 100


def _machine_of(ctx: Context, routes: Sequence[dict[str, Any]]) -> Arn:
    """Check where an alias leads, and return the machine.

    Raises:
        AwsError: ValidationException, ResourceNotFound.
    """
    texts = [each["stateMachineVersionArn"] for each in routes]
    split = [arns.split(each, "stateMachine") for each in texts]
    listed = f"Received: [{', '.join(texts)}]"
    if not all(each.rest.isdigit() for each in split):
        raise errors.invalid(
            f"Routing configuration must contain state machine version ARNs. {listed}"
        )
    if len(set(texts)) < len(texts):
        raise errors.invalid(
            f"Routing configuration must contain distinct state machine version ARNs. {listed}"
        )
    if len({each.machine for each in split}) > 1:
        raise errors.invalid(
            "Routing configuration must contain versions of the same state machine. " + listed
        )
    weights = [each["weight"] for each in routes]
    if sum(weights) != 100:
        shown = ", ".join(str(each) for each in weights)
        raise errors.invalid(
            f"Sum of routing configuration weights must equal 100. Received: [{shown}]"
        )
    own = (ctx.account, ctx.region)
    if any(of(ctx).version(each) is None or each[:2] != own for each in split):
        raise errors.no_resource()
    return split[0]


async def create_state_machine_alias(ctx: Context, request: Request) -> Response:
    """Handle CreateStateMachineAlias; one that is there and the same is returned.

    Raises:
        AwsError: Its routes are wrong, or its name is taken.
    """
    name, routes = request["name"], request["routingConfiguration"]
    machine = _machine_of(ctx, routes)
    state = of(ctx)
    key = f"{machine.name}:{name}"
    arn = f"{machine.machine}:{name}"
    alias = state.aliases.find(ctx.account, ctx.region, key)
    if alias is None:
        if len(state.aliases_of(machine)) >= _MOST:
            text = f"The state machine has {_MOST} aliases."
            raise AwsError("ServiceQuotaExceededException", text)
        now = ctx.clock.now()
        alias = {
            "description": request.get("description"),
            "routing": list(routes),
            "created": now,
            "updated": now,
        }
        await state.aliases.put(ctx.account, ctx.region, key, alias)
    elif (alias["routing"], alias["description"]) != (list(routes), request.get("description")):
        text = (
            "Failed to create alias because an alias with the same name and a different "
            "routing configuration already exists."
        )
        raise AwsError("ConflictException", text)
    return {"stateMachineAliasArn": arn, "creationDate": alias["created"]}


def _find(ctx: Context, given: str) -> tuple[Arn, dict[str, Any]]:
    arn = arns.split(given, "stateMachine")
    alias = of(ctx).alias(arn)
    if alias is None or (arn.account, arn.region) != (ctx.account, ctx.region):
        raise errors.no_resource()
    return arn, alias


async def update_state_machine_alias(ctx: Context, request: Request) -> Response:
    """Handle UpdateStateMachineAlias.

    Raises:
        AwsError: There is no such alias, or its routes are wrong.
    """
    arn, alias = _find(ctx, request["stateMachineAliasArn"])
    routes, description = request.get("routingConfiguration"), request.get("description")
    if routes is None and description is None:
        raise errors.invalid(
            "At least one of the description or the routing configuration must be specified"
        )
    changed = {**alias, "updated": ctx.clock.now()}
    if description is not None:
        changed["description"] = description
    if routes is not None:
        if _machine_of(ctx, routes).machine != arn.machine:
            raise errors.invalid(
                "Routing configuration must contain versions of the same state machine. "
                f"Received: [{', '.join(each['stateMachineVersionArn'] for each in routes)}]"
            )
        changed["routing"] = list(routes)
    await of(ctx).aliases.put(arn.account, arn.region, f"{arn.name}:{arn.rest}", changed)
    return {"updateDate": changed["updated"]}


async def describe_state_machine_alias(ctx: Context, request: Request) -> Response:
    """Handle DescribeStateMachineAlias.

    Raises:
        AwsError: There is no such alias.
    """
    arn, alias = _find(ctx, request["stateMachineAliasArn"])
    return {
        "stateMachineAliasArn": arn.text,
        "name": arn.rest,
        "description": alias["description"],
        "routingConfiguration": alias["routing"],
        "creationDate": alias["created"],
        "updateDate": alias["updated"],
    }


async def delete_state_machine_alias(ctx: Context, request: Request) -> Response:
    """Handle DeleteStateMachineAlias.

    Raises:
        AwsError: There is no such alias.
    """
    arn, _ = _find(ctx, request["stateMachineAliasArn"])
    await of(ctx).aliases.delete(arn.account, arn.region, f"{arn.name}:{arn.rest}")
    return {}


async def list_state_machine_aliases(ctx: Context, request: Request) -> Response:
    """Handle ListStateMachineAliases, of a machine or of one of its versions.

    Raises:
        AwsError: There is no such machine, InvalidToken.
    """
    arn = arns.split(request["stateMachineArn"], "stateMachine")
    state = of(ctx)
    own = (arn.account, arn.region) == (ctx.account, ctx.region)
    if not own or state.machines.find(arn.account, arn.region, arn.name) is None:
        raise errors.no_machine(request["stateMachineArn"])
    found = [
        {"stateMachineAliasArn": f"{arn.machine}:{name}", "creationDate": alias["created"]}
        for name, alias in state.aliases_of(arn)
        if not arn.rest
        or any(each["stateMachineVersionArn"] == arn.text for each in alias["routing"])
    ]
    return page(found, request, "stateMachineAliases", "aliases")
