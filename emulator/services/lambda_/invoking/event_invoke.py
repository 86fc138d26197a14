"""Event invoke configurations: retries, age and destinations of asynchronous invokes.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.model.arn import FunctionName, parse_function_name
from emulator.model.errors import AwsError
from emulator.model.function import LATEST
from emulator.registry.attachments import EventInvokeConfig
from emulator.registry.function import Function
from emulator.services.context import Context, Request, Response
from emulator.services.lambda_ import lookup
from emulator.services.lambda_.errors import invalid, not_found
from emulator.services.lambda_.paging import page

_DESTINATIONS = frozenset({"sqs", "sns", "lambda", "events", "s3"})
_MEMBERS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


async def put_function_event_invoke_config(ctx: Context, request: Request) -> Response:
    """Serve PutFunctionEventInvokeConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
    """
    named = lookup.name_of(ctx, request)
    _check_some(request)
    function = _function(ctx, named)
    _check_destinations(ctx, function, request)
    return await _keep(ctx, function, named, EventInvokeConfig(**_settings(request)))


async def update_function_event_invoke_config(ctx: Context, request: Request) -> Response:
    """Serve UpdateFunctionEventInvokeConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionEventInvokeConfig.html
    """
    named = lookup.name_of(ctx, request)
    _check_some(request)
    function = _function(ctx, named)
    existing = _existing(ctx, named)
    _check_destinations(ctx, function, request)
    return await _keep(ctx, function, named, replace(existing, **_settings(request)))


async def get_function_event_invoke_config(ctx: Context, request: Request) -> Response:
    """Serve GetFunctionEventInvokeConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionEventInvokeConfig.html
    """
    return _render(_existing(ctx, lookup.name_of(ctx, request)))


async def delete_function_event_invoke_config(ctx: Context, request: Request) -> Response:
    """Serve DeleteFunctionEventInvokeConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunctionEventInvokeConfig.html
    """
    named = lookup.name_of(ctx, request)
    _existing(ctx, named)
    function = lookup.find(ctx, named)
    assert function is not None
    del function.attached.event_invoke[named.qualifier or LATEST]
    await ctx.parts.registry.save(function)
    return {}


async def list_function_event_invoke_configs(ctx: Context, request: Request) -> Response:
    """Serve ListFunctionEventInvokeConfigs.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctionEventInvokeConfigs.html
    """
    function = lookup.find(ctx, lookup.name_of(ctx, request))
    if function is None:
        raise _no_function()
    held = function.attached.event_invoke
    qualifiers, marker = page(sorted(held), request)
    return {
        "FunctionEventInvokeConfigs": [_render(held[qualifier]) for qualifier in qualifiers],
        "NextMarker": marker,
    }


def _no_function() -> AwsError:
    return not_found("The function doesn't exist.")


def _function(ctx: Context, named: FunctionName) -> Function:
    function = lookup.find(ctx, named)
    if function is None:
        raise _no_function()
    qualifier = named.qualifier or LATEST
    if function.numbered(qualifier) is None and qualifier not in function.aliases:
        raise _no_function()
    return function


def _existing(ctx: Context, named: FunctionName) -> EventInvokeConfig:
    function = lookup.find(ctx, named)
    qualifier = named.qualifier or LATEST
    found = None if function is None else function.attached.event_invoke.get(qualifier)
    if found is None:
        arn = lookup.arn_of(ctx, named, qualifier)
        raise not_found(f"The function {arn} doesn't have an EventInvokeConfig")
    return found


async def _keep(
    ctx: Context, function: Function, named: FunctionName, config: EventInvokeConfig
) -> Response:
    qualifier = named.qualifier or LATEST
    config.function_arn = f"{function.arn}:{qualifier}"
    config.modified_at = ctx.clock.now()
    function.attached.event_invoke[qualifier] = config
    await ctx.parts.registry.save(function)
    return _render(config)


def _settings(request: Request) -> dict[str, Any]:
    """Return what a request sets, by the fields of an EventInvokeConfig."""
    fields = {
        "maximum_retry_attempts": request.get("MaximumRetryAttempts"),
        "maximum_event_age_s": request.get("MaximumEventAgeInSeconds"),
        "destinations": request.get("DestinationConfig"),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _check_some(request: Request) -> None:
    if all(request.get(member) is None for member in _MEMBERS):
        raise invalid("You must specify at least one of error handling or destination setting.")


def _check_destinations(ctx: Context, function: Function, request: Request) -> None:
    config = request.get("DestinationConfig") or {}
    for member in ("OnSuccess", "OnFailure"):
        arn = (config.get(member) or {}).get("Destination")
        if not arn:
            continue
        parts = arn.split(":", 5)
        is_served = len(parts) == 6 and parts[2] in _DESTINATIONS
        # A bucket keeps failures only.
        if not is_served or (member == "OnSuccess" and parts[2] == "s3"):
            raise invalid(f"The provided destination config {_java(config)} is invalid.")
        if parts[2] == "lambda":
            target = parse_function_name(arn)
            if target is None or target.region is None:
                raise invalid(f"The destination ARN {arn} is invalid.")
            found = ctx.parts.registry.find(
                target.account or ctx.account, target.region, target.name
            )
            if found is None:
                raise invalid(f"The destination ARN {arn} is invalid.")
            if found is function:
                raise invalid("You can't specify the function as a destination for itself.")


def _java(config: dict[str, Any]) -> str:
    """Return a DestinationConfig as AWS prints it."""
    shown = []
    for member, name in (("OnSuccess", "onSuccess"), ("OnFailure", "onFailure")):
        value = config.get(member)
        if value is None:
            shown.append(f"{name}=null")
        else:
            shown.append(f"{name}={member}(destination={value.get('Destination') or 'null'})")
    return f"DestinationConfig({', '.join(shown)})"


def _render(config: EventInvokeConfig) -> Response:
    destinations = config.destinations or {}
    return {
        **config.to_wire(),
        "DestinationConfig": {
            "OnSuccess": destinations.get("OnSuccess") or {},
            "OnFailure": destinations.get("OnFailure") or {},
        },
    }
