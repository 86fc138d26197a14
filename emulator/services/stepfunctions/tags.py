"""Tags of machines and activities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.registry.resource_table import ResourceTable
from emulator.services.context import Context, Request, Response
from emulator.services.stepfunctions import arns, errors
from emulator.services.stepfunctions.arns import Arn
from emulator.services.stepfunctions.state import of

_MOST = 50
#: What waits, timeouts and heartbeats of a machine's executions are divided by.
TIME_SCALE = "localfaas:time-scale"


def checked(
    there: Mapping[str, str], given: Iterable[Mapping[str, str]] | None, arn: str
) -> dict[str, str]:
    """Return tags with further ones.

    Raises:
        AwsError: TooManyTags, ValidationException.
    """
    tags = {**there, **{each.get("key", ""): each.get("value", "") for each in given or ()}}
    if len(tags) > _MOST:
        text = f"Too many tags: a resource can have {_MOST}"
        raise AwsError("TooManyTags", text, resourceName=arn)
    time_scale(tags)
    return tags


def time_scale(tags: Mapping[str, str]) -> float | None:
    """Return the time scale that a machine's tags ask for; None: that of the emulator.

    Raises:
        AwsError: ValidationException: it is no number that can be one.
    """
    text = tags.get(TIME_SCALE)
    if text is None:
        return None
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0.001 <= scale <= 1e6:
        raise errors.invalid(f"The tag {TIME_SCALE} must be a number from 0.001 to 1000000")
    return scale


def _find(ctx: Context, given: str) -> tuple[ResourceTable, Arn, dict[str, Any]]:
    arn = arns.split(given, "stateMachine", "activity")
    state = of(ctx)
    table = state.machines if arn.kind == "stateMachine" else state.activities
    found = table.find(arn.account, arn.region, arn.name)
    if found is None or arn.rest or (arn.account, arn.region) != (ctx.account, ctx.region):
        raise errors.no_resource(given)
    return table, arn, found


async def tag_resource(ctx: Context, request: Request) -> Response:
    """Handle TagResource.

    Raises:
        AwsError: There is no such resource, or it would have too many tags.
    """
    table, arn, found = _find(ctx, request["resourceArn"])
    tags = checked(found["tags"], request["tags"], arn.text)
    await table.put(arn.account, arn.region, arn.name, {**found, "tags": tags})
    return {}


async def untag_resource(ctx: Context, request: Request) -> Response:
    """Handle UntagResource.

    Raises:
        AwsError: There is no such resource.
    """
    table, arn, found = _find(ctx, request["resourceArn"])
    tags = {key: value for key, value in found["tags"].items() if key not in request["tagKeys"]}
    await table.put(arn.account, arn.region, arn.name, {**found, "tags": tags})
    return {}


async def list_tags_for_resource(ctx: Context, request: Request) -> Response:
    """Handle ListTagsForResource.

    Raises:
        AwsError: There is no such resource.
    """
    _, _, found = _find(ctx, request["resourceArn"])
    return {"tags": [{"key": key, "value": value} for key, value in found["tags"].items()]}
