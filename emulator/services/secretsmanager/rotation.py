"""Rotation: a function makes a secret's next value in four steps.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

from emulator.model.arn import parse_function_name
from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.secretsmanager import versions
from emulator.services.secretsmanager.lookup import (
    find,
    invalid,
    keep,
    named,
    refused,
    token_of,
)
from emulator.services.secretsmanager.state import Secret, of

_STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
_DAY_S = 86_400.0
_MOST_DAYS = 1000
_RATE = re.compile(r"rate\((\d+) (hours?|days?)\)")
#: Where nothing says how often: in a month.
_USUAL_DAYS = 30


async def rotate_secret(ctx: Context, request: Request) -> Response:
    """Serve RotateSecret.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
    """
    token_of(request)
    secret = find(ctx, request)
    before = secret.get("rotation") or {}
    function = request.get("RotationLambdaARN") or before.get("function")
    if not function:
        raise refused("No Lambda rotation function ARN is associated with this secret.")
    rules = _checked_rules(request.get("RotationRules") or before.get("rules") or {})
    await _check_function(ctx, function)
    # Looked up again: it may have changed meanwhile. From here on nothing is awaited.
    secret = find(ctx, request)
    before = secret.get("rotation") or {}
    now = ctx.clock.now()
    rotation = {
        **before,
        "enabled": True,
        "function": function,
        "rules": rules,
        "next_at": now + _period_s(rules),
    }
    version_id, again = _version_to_make(secret, request)
    held = secret["versions"]
    if version_id not in held:
        empty: dict[str, Any] = {"value": None, "binary": None, "stages": [], "created_at": now}
        held = {**held, version_id: {**empty, "accessed_at": None, "key": secret["key"]}}
        held = versions.attach(held, versions.PENDING, version_id)
    secret = await keep(ctx, secret, rotation=rotation, versions=held)
    immediately = request.get("RotateImmediately", True)
    if secret["arn"] not in of(ctx).rotating:
        _begin(ctx, secret, version_id, immediately=bool(immediately))
    if again:
        raise refused("A previous rotation isn't complete. That rotation will be reattempted.")
    return {**named(secret), "VersionId": version_id if immediately else None}


def _version_to_make(secret: Secret, request: Request) -> tuple[str, bool]:
    """Return the version that a rotation makes, and whether an earlier one was to make it."""
    pending = versions.holder(secret["versions"], versions.PENDING)
    current = versions.holder(secret["versions"], versions.CURRENT)
    token = token_of(request)
    if pending is not None and pending not in (current, token):
        return pending, True
    return token, False


def _checked_rules(rules: dict[str, Any]) -> dict[str, Any]:
    days = rules.get("AutomaticallyAfterDays")
    if days is not None and rules.get("ScheduleExpression"):
        raise invalid(
            "You can't specify both AutomaticallyAfterDays and ScheduleExpression in RotationRules."
        )
    if days is not None and not 1 <= days <= _MOST_DAYS:
        raise invalid("RotationRules.AutomaticallyAfterDays must be within 1-1000.")
    return dict(rules)


def _period_s(rules: dict[str, Any]) -> float:
    """Return the seconds between two rotations."""
    rate = _RATE.fullmatch(rules.get("ScheduleExpression") or "")
    if rate is not None:
        return int(rate[1]) * (3600.0 if rate[2].startswith("hour") else _DAY_S)
    return _DAY_S * (rules.get("AutomaticallyAfterDays") or _USUAL_DAYS)


async def _check_function(ctx: Context, function: str) -> None:
    found = parse_function_name(function)
    try:
        if found is None:
            raise AwsError("ResourceNotFoundException", "")
        await ctx.parts.table.call(
            "lambda",
            "GetFunctionConfiguration",
            {"FunctionName": function},
            account=ctx.account,
            region=ctx.region,
        )
    except AwsError as error:
        raise AwsError(
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function"
            " policy grants access to the principal secretsmanager.amazonaws.com.",
            status=400,
        ) from error


def _begin(ctx: Context, secret: Secret, version_id: str, *, immediately: bool) -> None:
    """Have the steps done in the background."""
    state, arn = of(ctx), secret["arn"]
    steps = _STEPS if immediately else ("testSecret",)
    task = ctx.parts.spawn(_rotate(ctx, arn, version_id, steps))
    state.rotating[arn] = task
    task.add_done_callback(lambda _: state.rotating.pop(arn, None))


async def _rotate(ctx: Context, arn: str, version_id: str, steps: tuple[str, ...]) -> None:
    """Do the steps. What goes wrong is told the user: nobody waits for an answer any more."""
    function = find(ctx, {"SecretId": arn})["rotation"]["function"]
    for step in steps:
        event = {"Step": step, "SecretId": arn, "ClientRequestToken": version_id}
        problem = await _invoke(ctx, function, event)
        if problem:
            ctx.parts.console.warn(f"The rotation of {arn} failed in the step {step}: {problem}")
            return
    try:
        await _finish(ctx, arn, version_id)
    except AwsError as error:
        ctx.parts.console.warn(f"The rotation of {arn} was not finished: {error.message}")


async def _finish(ctx: Context, arn: str, version_id: str) -> None:
    """Note that a secret was rotated, if it was; the version is pending no more."""
    secret = find(ctx, {"SecretId": arn})
    held, rotation = secret["versions"], secret["rotation"]
    if versions.holder(held, versions.CURRENT) == version_id:
        rotation = {**rotation, "rotated_at": ctx.clock.now()}
    if versions.holder(held, versions.PENDING) == version_id:
        held = versions.attach(held, versions.PENDING, None)
    if versions.is_empty(held[version_id]) and not held[version_id]["stages"]:
        held = {key: each for key, each in held.items() if key != version_id}
    await keep(ctx, secret, versions=held, rotation=rotation)


async def _invoke(ctx: Context, function: str, event: dict[str, str]) -> str:
    """Invoke the function; returns what went wrong, "" for nothing."""
    request = {"FunctionName": function, "Payload": json.dumps(event).encode()}
    call = partial(ctx.parts.table.call, account=ctx.account, region=ctx.region)
    try:
        answer = await call("lambda", "Invoke", request)
    except AwsError as error:
        return error.message or error.code
    if not answer.get("FunctionError"):
        return ""
    try:
        return str(json.loads(answer["Payload"])["errorMessage"])
    except (KeyError, TypeError, ValueError):
        return str(answer["FunctionError"])


async def cancel_rotate_secret(ctx: Context, request: Request) -> Response:
    """Serve CancelRotateSecret.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CancelRotateSecret.html
    """
    secret = find(ctx, request)
    rotation = {**(secret.get("rotation") or {}), "enabled": False}
    await keep(ctx, secret, rotation=rotation)
    pending = versions.holder(secret["versions"], versions.PENDING)
    return {**named(secret), "VersionId": pending}
