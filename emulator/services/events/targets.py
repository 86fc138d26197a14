"""Targets of rules: where events go, and as what.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.services.context import Context, Request, Response
from emulator.services.events import inputs
from emulator.services.events.arns import parse
from emulator.services.events.errors import invalid, too_many
from emulator.services.events.listing import page
from emulator.services.events.rules import found
from emulator.services.events.state import of

_MOST = 5
#: Services whose targets need a role, by their names in ARNs.
_WITH_ROLE = frozenset({"kinesis", "states", "ecs", "firehose", "batch"})


async def put_targets(ctx: Context, request: Request) -> Response:
    """Handle PutTargets: add targets, or replace those with the same ids."""
    for target in request["Targets"]:
        _check(target)
    rule = found(ctx, request, "Rule")
    targets = {each["Id"]: each for each in rule.body["targets"]}
    targets |= {each["Id"]: dict(each) for each in request["Targets"]}
    if len(targets) > _MOST:
        raise too_many()
    await of(ctx).put_rule(rule.bus, {**rule.body, "targets": list(targets.values())})
    return {"FailedEntryCount": 0, "FailedEntries": []}


async def remove_targets(ctx: Context, request: Request) -> Response:
    """Handle RemoveTargets; an id that is not there fails alone."""
    rule = found(ctx, request, "Rule")
    there = {each["Id"] for each in rule.body["targets"]}
    left = [each for each in rule.body["targets"] if each["Id"] not in request["Ids"]]
    if len(left) < len(there):
        await of(ctx).put_rule(rule.bus, {**rule.body, "targets": left})
    failed = [
        {
            "TargetId": each,
            "ErrorCode": "ResourceNotFoundException",
            "ErrorMessage": f"Rule {rule.body['name']} does not have a target with the Id {each}.",
        }
        for each in request["Ids"]
        if each not in there
    ]
    return {"FailedEntryCount": len(failed), "FailedEntries": failed}


async def list_targets_by_rule(ctx: Context, request: Request) -> Response:
    """Handle ListTargetsByRule."""
    return page(found(ctx, request, "Rule").body["targets"], request, "Targets")


def _check(target: Mapping[str, Any]) -> None:
    """Check a target by itself.

    Raises:
        AwsError: ValidationException.
    """
    id, arn = target["Id"], target["Arn"]
    parsed = parse(arn)
    if parsed is None:
        raise invalid(
            f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
        )
    given = [each for each in ("Input", "InputPath", "InputTransformer") if each in target]
    if len(given) > 1:
        raise invalid(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {id}."
        )
    if parsed.service == "sqs" and arn.endswith(".fifo") and not target.get("SqsParameters"):
        raise invalid(f"Parameter(s) SqsParameters must be specified for target: {id}.")
    if parsed.service in _WITH_ROLE and not target.get("RoleArn"):
        raise invalid(f"RoleArn is required for target {arn}.")
    inputs.check(target)
