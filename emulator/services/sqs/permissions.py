"""AddPermission and RemovePermission: one way to write the Policy attribute."""

from __future__ import annotations

import re

from emulator.services.sqs import errors, policies
from emulator.services.sqs.context import SqsContext, Wire

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ACCOUNT = re.compile(r"\d{12}")


async def add_permission(ctx: SqsContext, request: Wire) -> Wire:
    """Serve AddPermission.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html
    """
    sqs = ctx.state
    label, accounts, actions = request["Label"], request["AWSAccountIds"], request["Actions"]
    if not _LABEL.fullmatch(label):
        raise errors.invalid_value(
            label,
            "Label",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
        )
    if not accounts:
        raise errors.missing_parameter("PrincipalId")
    for account in accounts:
        if not _ACCOUNT.fullmatch(account):
            raise errors.invalid_value(account, "PrincipalId", "Unable to verify.")
    if not actions:
        raise errors.missing_parameter("Actions")
    async with sqs.changes:
        queue = sqs.by_url(request["QueueUrl"], ctx.account, ctx.region)
        policy = policies.add_permission(
            queue.attributes.get("Policy"), queue.arn, label, accounts, actions
        )
        await sqs.change(queue, attributes={**queue.attributes, "Policy": policy})
    return {}


async def remove_permission(ctx: SqsContext, request: Wire) -> Wire:
    """Serve RemovePermission.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_RemovePermission.html
    """
    sqs = ctx.state
    async with sqs.changes:
        queue = sqs.by_url(request["QueueUrl"], ctx.account, ctx.region)
        attributes = dict(queue.attributes)
        policy = policies.remove_permission(attributes.pop("Policy", None), request["Label"])
        if policy is not None:
            attributes["Policy"] = policy
        await sqs.change(queue, attributes=attributes)
    return {}
