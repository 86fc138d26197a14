"""Event source mappings; :class:`emulator.sources.pollers.Pollers` does the polling.

A mapping's document is what the API shows, with two more members: ``Enabled`` (what the user asked
for) and ``Tags``. The store gets the state that follows a transition (Enabled, Disabled, or no
mapping) when the transition begins.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from emulator.invoke import tenancy
from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.lambda_ import lookup, tags
from emulator.services.lambda_.errors import conflict, invalid, not_found
from emulator.services.lambda_.paging import page
from emulator.services.lambda_.rules import ignored
from emulator.services.lambda_.rules import mappings as mapping_rules
from emulator.services.lambda_.rules.mappings import Kind

#: Mappings on one page.
_PAGE = 100
_SETTLED = ("Enabled", "Disabled")

Body = dict[str, Any]


async def create_event_source_mapping(ctx: Context, request: Request) -> Response:
    """Serve CreateEventSourceMapping.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
    """
    kind = mapping_rules.kind_of(request, others=ctx.parts.sources.is_polled(request))
    mapping_rules.check(kind, request, ctx.parts.sources.is_pattern)
    tags.check(request.get("Tags") or {})
    function_arn, name = _function(ctx, request)
    _check_duplicate(ctx, kind, request, function_arn, name)
    if ctx.parts.sources.is_polled(request):
        await _check_source(ctx, request, function_arn)
        begins = await ctx.parts.sources.begin(request)
    else:
        begins = {}
    ignored.report_mapping(ctx, name, request)
    identifier = str(uuid.uuid4())
    body = mapping_rules.describe(kind, request) | {
        "UUID": identifier,
        "EventSourceMappingArn": (
            f"arn:aws:lambda:{ctx.region}:{ctx.account}:event-source-mapping:{identifier}"
        ),
        "FunctionArn": function_arn,
        # Not shown: AWS has only LastModified.
        "Created": ctx.clock.now(),
        "LastModified": ctx.clock.now(),
        "State": "Creating",
        "StateTransitionReason": kind.reason,
        "Enabled": request.get("Enabled") is not False,
        "Tags": request.get("Tags") or {},
        **begins,
    }
    return await _keep(ctx, body)


async def get_event_source_mapping(ctx: Context, request: Request) -> Response:
    """Serve GetEventSourceMapping.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html
    """
    return dict(_existing(ctx, request))


async def list_event_source_mappings(ctx: Context, request: Request) -> Response:
    """Serve ListEventSourceMappings.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListEventSourceMappings.html
    """
    collection = ctx.parts.registry.mappings
    keys = collection.keys(ctx.account, ctx.region)
    source = request.get("EventSourceArn")
    arn = None
    if request.get("FunctionName"):
        named = lookup.name_of(ctx, request)
        arn = lookup.arn_of(ctx, named, named.qualifier)
    if source or arn:
        keys = [
            key
            for key in keys
            if _matches(collection.find(ctx.account, ctx.region, key) or {}, source, arn)
        ]
    chosen, marker = page(keys, request, _PAGE)
    found = [collection.find(ctx.account, ctx.region, key) for key in chosen]
    return {"EventSourceMappings": found, "NextMarker": marker}


async def update_event_source_mapping(ctx: Context, request: Request) -> Response:
    """Serve UpdateEventSourceMapping.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
    """
    body = _existing(ctx, request)
    _check_settled(body, "update")
    kind = mapping_rules.kind_of(body)
    changed = mapping_rules.change(body, request)
    mapping_rules.check(kind, changed, ctx.parts.sources.is_pattern, new=False)
    if request.get("FunctionName"):
        changed["FunctionArn"], _ = _function(ctx, request)
        if ctx.parts.sources.is_polled(changed):
            await _check_source(ctx, changed, changed["FunctionArn"])
    if ctx.parts.sources.is_polled(body):
        asked = {**request, "EventSourceArn": body["EventSourceArn"]}
        ignored.report_mapping(ctx, changed["FunctionArn"], asked)
    enabled = request.get("Enabled")
    state = "Updating"
    if enabled is not None and enabled != body["Enabled"]:
        changed["Enabled"] = enabled
        state = "Enabling" if enabled else "Disabling"
    changed["State"] = state
    changed["StateTransitionReason"] = kind.reason
    changed["LastModified"] = ctx.clock.now()
    return await _keep(ctx, changed)


async def delete_event_source_mapping(ctx: Context, request: Request) -> Response:
    """Serve DeleteEventSourceMapping.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_DeleteEventSourceMapping.html
    """
    body = _existing(ctx, request)
    _check_settled(body, "delete")
    key = body["UUID"]
    last = {
        **body,
        "State": "Deleting",
        "StateTransitionReason": mapping_rules.kind_of(body).reason,
    }
    collection = ctx.parts.registry.mappings
    await collection.delete(ctx.account, ctx.region, key, last)
    _after(ctx, key, None, partial(collection.drop, ctx.account, ctx.region, key))
    return last


async def _keep(ctx: Context, body: Body) -> Response:
    """Save a mapping in its final state, and show it in transition."""
    settled = {**body, "State": "Enabled" if body["Enabled"] else "Disabled"}
    collection = ctx.parts.registry.mappings
    at = (ctx.account, ctx.region, body["UUID"])
    await collection.put(*at, body, settled=settled)

    def settle() -> None:
        # Its tags may have been changed meanwhile, which is no change of the mapping.
        tags = (collection.find(*at) or settled).get("Tags")
        collection.settle(*at, settled if tags is None else {**settled, "Tags": tags})

    _after(ctx, body["UUID"], settled, settle)
    return dict(body)


def _after(ctx: Context, key: str, mapping: Body | None, settle: Callable[[], None]) -> None:
    """Have a mapping polled as it is configured now, then ``settle`` its state."""

    async def apply() -> None:
        try:
            await ctx.parts.sources.apply(key, mapping)
        finally:
            # Whatever that came to: nobody is to wait for ever for the end of a transition.
            settle()

    ctx.parts.spawn(apply())


async def _check_source(ctx: Context, mapping: Request, function_arn: str) -> None:
    """Check that a mapping's source exists and suits its function.

    Raises:
        AwsError: InvalidParameterValueException, in AWS's words.
    """
    _, version = lookup.version(ctx, {"FunctionName": function_arn})
    await ctx.parts.sources.check(mapping, version)


def _existing(ctx: Context, request: Request) -> Body:
    body = ctx.parts.registry.mappings.find(ctx.account, ctx.region, request["UUID"])
    if body is None:
        raise not_found()
    return body


def _check_settled(body: Body, what: str) -> None:
    if body["State"] not in _SETTLED:
        raise AwsError(
            "ResourceInUseException",
            f"Cannot {what} the event source mapping because it is in use.",
            Type="User",
        )


def _function(ctx: Context, request: Request) -> tuple[str, str]:
    """Return the ARN of the function a request names, as it qualifies it, and its name."""
    named = lookup.name_of(ctx, {"FunctionName": request["FunctionName"]})
    function = lookup.find(ctx, named)
    qualifier = named.qualifier
    if function is None or (
        qualifier is not None
        and function.numbered(qualifier) is None
        and qualifier not in function.aliases
    ):
        raise invalid("Function does not exist")
    tenancy.refuse(function.latest, "An event source mapping")
    return lookup.arn_of(ctx, named, qualifier), function.name


def _sources(body: Request) -> set[str]:
    if body.get("EventSourceArn"):
        return {body["EventSourceArn"]}
    endpoints = (body.get("SelfManagedEventSource") or {}).get("Endpoints") or {}
    return set(endpoints.get("KAFKA_BOOTSTRAP_SERVERS") or ())


def _check_duplicate(
    ctx: Context, kind: Kind, request: Request, function_arn: str, name: str
) -> None:
    collection = ctx.parts.registry.mappings
    sources = _sources(request)
    for key in collection.keys(ctx.account, ctx.region):
        body = collection.find(ctx.account, ctx.region, key) or {}
        if body["FunctionArn"] != function_arn or not sources & _sources(body):
            continue
        found = f"already exists. Please update or delete the existing mapping with UUID {key}"
        if kind.name.startswith("sqs"):
            raise conflict(
                f'An event source mapping with SQS arn (" {request["EventSourceArn"]} ") and '
                f'function (" {name} ") {found}'
            )
        if kind.name == "kafka":
            topics = request.get("Topics") or []
            if set(topics) & set(body.get("Topics") or ()):
                raise conflict(
                    f'An event source mapping with event source ("{",".join(sorted(sources))}"), '
                    f'function ("{function_arn}"), topics ("{",".join(topics)}") {found}'
                )
            continue
        raise conflict(
            f'The event source arn (" {request["EventSourceArn"]} ") and function (" {name} ") '
            f"provided mapping {found}"
        )


def _matches(body: Body, source: str | None, arn: str | None) -> bool:
    if source and body.get("EventSourceArn") != source:
        return False
    return arn is None or body["FunctionArn"] == arn
