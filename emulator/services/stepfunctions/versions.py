"""Versions of machines: a revision that does not change any more, with a number.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-version.html
"""

from __future__ import annotations

from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.stepfunctions import arns, errors
from emulator.services.stepfunctions.arns import Arn
from emulator.services.stepfunctions.paging import page
from emulator.services.stepfunctions.state import of

_MOST = 1000


def check_description(request: Request, *, publish: bool) -> None:
    """Check that a version's description comes with a version.

    Raises:
        AwsError: ValidationException.
    """
    if request.get("versionDescription") is not None and not publish:
        raise errors.invalid("Version description can only be set when publish is true")


async def publish(ctx: Context, arn: Arn, description: str | None) -> dict[str, Any]:
    """Make the next version of a machine from its revision, or return the one there is.

    Raises:
        AwsError: ServiceQuotaExceededException.
    """
    state = of(ctx)
    scope = (arn.account, arn.region)
    machine = state.machines.find(*scope, arn.name)
    if machine is None:
        raise errors.no_machine(arn.machine)
    revision = machine["revision"]
    own = state.versions_of(arn)
    for version in own:
        if version["revision"]["id"] == revision["id"]:
            if description is not None and version["description"] != description:
                text = (
                    "Failed to publish the State Machine version for revision "
                    f"{revision['id'] or 'INITIAL'}: it is published with another description."
                )
                raise AwsError("ConflictException", text)
            return version
    if len(own) >= _MOST:
        text = f"The state machine has {_MOST} versions. Delete some to publish another."
        raise AwsError("ServiceQuotaExceededException", text)
    number = machine["last_version"] + 1
    made = {
        "number": number,
        "revision": revision,
        "description": description,
        "created": ctx.clock.now(),
    }
    await state.machines.put(*scope, arn.name, {**machine, "last_version": number})
    await state.versions.put(*scope, f"{arn.name}:{number}", made)
    return made


async def publish_state_machine_version(ctx: Context, request: Request) -> Response:
    """Handle PublishStateMachineVersion.

    Raises:
        AwsError: There is no such machine, or it has another revision than the caller expects.
    """
    arn = arns.split(request["stateMachineArn"], "stateMachine")
    machine = of(ctx).machines.find(ctx.account, ctx.region, arn.name)
    if machine is None or arn.rest or (arn.account, arn.region) != (ctx.account, ctx.region):
        raise errors.no_machine(request["stateMachineArn"])
    current = machine["revision"]["id"] or "INITIAL"
    wanted = request.get("revisionId")
    if wanted and wanted != current:
        text = (
            f"Failed to publish the State Machine version for revision {wanted}. "
            f"The current State Machine revision is {current}."
        )
        raise AwsError("ConflictException", text)
    made = await publish(ctx, arn, request.get("description"))
    return {
        "stateMachineVersionArn": f"{arn.machine}:{made['number']}",
        "creationDate": made["created"],
    }


async def delete_state_machine_version(ctx: Context, request: Request) -> Response:
    """Handle DeleteStateMachineVersion; one that is not there is no error.

    Raises:
        AwsError: ConflictException: an alias uses it.
    """
    arn = arns.split(request["stateMachineVersionArn"], "stateMachine")
    if not arn.rest.isdigit():
        raise errors.invalid_arn(f"Invalid ARN: {request['stateMachineVersionArn']}")
    state = of(ctx)
    users = [
        name
        for name, alias in state.aliases_of(arn)
        if any(each["stateMachineVersionArn"] == arn.text for each in alias["routing"])
    ]
    if users:
        text = (
            "Version to be deleted must not be referenced by an alias. "
            f"Current list of aliases referencing this version: [{', '.join(users)}]"
        )
        raise AwsError("ConflictException", text)
    if state.version(arn) is not None:
        await state.versions.delete(arn.account, arn.region, f"{arn.name}:{arn.rest}")
    return {}


async def list_state_machine_versions(ctx: Context, request: Request) -> Response:
    """Handle ListStateMachineVersions: the newest first.

    Raises:
        AwsError: InvalidArn, InvalidToken.
    """
    arn = arns.split(request["stateMachineArn"], "stateMachine")
    found = [
        {
            "stateMachineVersionArn": f"{arn.machine}:{each['number']}",
            "creationDate": each["created"],
        }
        for each in of(ctx).versions_of(arn)
    ]
    return page(found, request, "stateMachineVersions", "versions")
