"""State machines: create, find, change, delete.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.stepfunctions import arns, configuration, errors, tags, versions
from emulator.services.stepfunctions.arns import Arn
from emulator.services.stepfunctions.definitions import check, variable_references
from emulator.services.stepfunctions.engine.events import pack
from emulator.services.stepfunctions.paging import page
from emulator.services.stepfunctions.state import Machine, StepFunctions, of

#: Members of a revision: what an update changes.
_REVISED = (
    "definition",
    "roleArn",
    "loggingConfiguration",
    "tracingConfiguration",
    "encryptionConfiguration",
)


def find(ctx: Context, arn: str) -> tuple[Arn, Machine]:
    """Return a machine by its ARN, which may have a version or an alias behind it.

    Raises:
        AwsError: InvalidArn, StateMachineDoesNotExist.
    """
    split = arns.split(arn, "stateMachine")
    machine = of(ctx).machines.find(split.account, split.region, split.name)
    if machine is None or split.account != ctx.account or split.region != ctx.region:
        raise errors.no_machine(arn)
    return split, machine


async def create_state_machine(ctx: Context, request: Request) -> Response:
    """Handle CreateStateMachine; one that is there with the same properties is returned.

    Raises:
        AwsError: The definition, a name or a configuration is wrong, or the name is taken.
    """
    name: str = request["name"]
    arns.check_name(name)
    kind = request.get("type") or "STANDARD"
    publish = bool(request.get("publish"))
    versions.check_description(request, publish=publish)
    _check_role(request["roleArn"])
    await check(request["definition"], kind)
    now = ctx.clock.now()
    revision = {
        "id": "",
        "type": kind,
        "definition": request["definition"],
        "roleArn": request["roleArn"],
        "loggingConfiguration": await configuration.logging(
            ctx, request.get("loggingConfiguration")
        ),
        "tracingConfiguration": configuration.tracing(request.get("tracingConfiguration")),
        "encryptionConfiguration": configuration.encryption(request.get("encryptionConfiguration")),
        "updated": now,
    }
    arn = Arn(ctx.account, ctx.region, "stateMachine", name)
    there = of(ctx).machines.find(ctx.account, ctx.region, name)
    if there is not None:
        if there["type"] != kind or not _same(there["revision"], revision):
            text = f"State Machine Already Exists: '{arn.machine}'"
            raise AwsError("StateMachineAlreadyExists", text)
        machine = there
    else:
        machine = {
            "type": kind,
            "created": now,
            "revision": _digested(arn, revision),
            "last_version": 0,
            "tags": tags.checked({}, request.get("tags"), arn.machine),
        }
        await of(ctx).machines.put(ctx.account, ctx.region, name, machine)
    answer: Response = {"stateMachineArn": arn.machine, "creationDate": machine["created"]}
    if publish:
        made = await versions.publish(ctx, arn, request.get("versionDescription"))
        answer["stateMachineVersionArn"] = f"{arn.machine}:{made['number']}"
    return answer


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    # Another role is ignored, as AWS documents it.
    return all(one[name] == other[name] for name in _REVISED if name != "roleArn")


def _check_role(arn: str) -> None:
    if not arn.startswith("arn:") or len(arn.split(":")) < 6:
        raise AwsError("InvalidArn", f"Invalid Role Arn: '{arn}'")


def _digested(arn: Arn, revision: dict[str, Any]) -> dict[str, Any]:
    """Return a revision with what tells it from all others: executions name it so."""
    plain = {key: value for key, value in revision.items() if key != "digest"}
    digest = hashlib.sha256(pack([arn.machine, plain])).hexdigest()
    return {**plain, "digest": digest}


async def update_state_machine(ctx: Context, request: Request) -> Response:
    """Handle UpdateStateMachine; executions that are under way keep the old definition.

    Raises:
        AwsError: There is no such machine, nothing is to be changed, or to something wrong.
    """
    publish = bool(request.get("publish"))
    arn, machine = find(ctx, request["stateMachineArn"])
    if arn.rest:
        raise errors.no_machine(request["stateMachineArn"])
    if all(request.get(name) is None for name in _REVISED):
        text = (
            "Either the definition, the role ARN, the LoggingConfiguration, "
            "the TracingConfiguration or the EncryptionConfiguration must be specified"
        )
        raise AwsError("MissingRequiredParameter", text)
    versions.check_description(request, publish=publish)
    if request.get("definition") is not None:
        await check(request["definition"], machine["type"])
        # Another request may have changed it meanwhile.
        _, machine = find(ctx, request["stateMachineArn"])
    revision = dict(machine["revision"])
    if request.get("definition") is not None:
        revision["definition"] = request["definition"]
    if request.get("roleArn") is not None:
        _check_role(request["roleArn"])
        revision["roleArn"] = request["roleArn"]
    if request.get("loggingConfiguration") is not None:
        revision["loggingConfiguration"] = await configuration.logging(
            ctx, request["loggingConfiguration"]
        )
    if request.get("tracingConfiguration") is not None:
        revision["tracingConfiguration"] = configuration.tracing(request["tracingConfiguration"])
    if request.get("encryptionConfiguration") is not None:
        revision["encryptionConfiguration"] = configuration.encryption(
            request["encryptionConfiguration"]
        )
    if any(revision[name] != machine["revision"][name] for name in _REVISED):
        revision["id"] = str(uuid.uuid4())
    revision["updated"] = ctx.clock.now()
    # Tags and versions may have changed while the log group was looked up.
    _, machine = find(ctx, request["stateMachineArn"])
    await of(ctx).machines.put(
        arn.account, arn.region, arn.name, {**machine, "revision": _digested(arn, revision)}
    )
    answer: Response = {"updateDate": revision["updated"], "revisionId": revision["id"] or None}
    if publish:
        made = await versions.publish(ctx, arn, request.get("versionDescription"))
        answer["stateMachineVersionArn"] = f"{arn.machine}:{made['number']}"
    return answer


async def describe_state_machine(ctx: Context, request: Request) -> Response:
    """Handle DescribeStateMachine, of a machine or one of its versions.

    Raises:
        AwsError: There is none.
    """
    arn, machine = find(ctx, request["stateMachineArn"])
    revision, created, description = machine["revision"], machine["created"], None
    if arn.rest:
        version = of(ctx).version(arn)
        if version is None:
            raise errors.no_machine(request["stateMachineArn"])
        revision, created = version["revision"], version["created"]
        description = version["description"]
    answer = {
        "stateMachineArn": arn.text,
        "name": arn.name,
        "status": "ACTIVE",
        "type": machine["type"],
        "creationDate": created,
        "description": description,
        **shown(revision, request.get("includedData")),
    }
    if revision["id"]:
        answer["revisionId"] = revision["id"]
    return answer


def shown(revision: dict[str, Any], included: str | None) -> Response:
    """Return what describing a machine shows of its revision.

    Args:
        revision: The revision.
        included: ``METADATA_ONLY`` leaves out the definition.
    """
    answer = {name: revision[name] for name in _REVISED}
    if included == "METADATA_ONLY":
        answer["definition"] = ""
    elif found := variable_references(revision["definition"]):
        answer["variableReferences"] = found
    return answer


async def delete_state_machine(ctx: Context, request: Request) -> Response:
    """Handle DeleteStateMachine; its executions end, and one that is not there is no error.

    Raises:
        AwsError: The ARN is none of a machine.
    """
    arn = arns.split(request["stateMachineArn"], "stateMachine")
    if arn.rest:
        raise errors.invalid_arn(f"Invalid ARN: {request['stateMachineArn']}")
    if (arn.account, arn.region) == (ctx.account, ctx.region):
        await remove(of(ctx), arn)
    return {}


async def remove(state: StepFunctions, arn: Arn) -> None:
    """Remove a machine with its versions and aliases, and end its executions."""
    scope = (arn.account, arn.region)
    if state.machines.find(*scope, arn.name) is None:
        return
    prefix = f"{arn.name}:"
    for table in (state.aliases, state.versions):
        for key in [each for each in table.keys(*scope) if each.startswith(prefix)]:
            await table.delete(*scope, key)
    await state.machines.delete(*scope, arn.name)
    await state.engine.abort_all(arn.machine)


async def list_state_machines(ctx: Context, request: Request) -> Response:
    """Handle ListStateMachines."""
    machines = of(ctx).machines
    found = []
    for name in machines.keys(ctx.account, ctx.region):
        machine = machines.find(ctx.account, ctx.region, name)
        if machine is not None:
            found.append(
                {
                    "stateMachineArn": arns.make(ctx.account, ctx.region, "stateMachine", name),
                    "name": name,
                    "type": machine["type"],
                    "creationDate": machine["created"],
                }
            )
    return page(found, request, "stateMachines", "machines")
