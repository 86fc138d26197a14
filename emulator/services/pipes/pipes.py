"""Pipes: create, find, change, start, stop, delete.

https://docs.aws.amazon.com/eventbridge/latest/pipes-reference/API_CreatePipe.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.ids import new_request_id
from emulator.services.context import Context, Request, Response
from emulator.services.paging import page
from emulator.services.pipes.errors import conflict, invalid, not_found
from emulator.services.pipes.mapping import check_source, mapping_of, with_defaults
from emulator.services.pipes.state import Pipe, of
from emulator.services.pipes.targets import is_served
from emulator.services.pipes.templates import is_template
from emulator.sources.filters import is_pattern

_FIELDS = (
    "Description",
    "DesiredState",
    "Enrichment",
    "EnrichmentParameters",
    "KmsKeyIdentifier",
    "LogConfiguration",
    "RoleArn",
    "Source",
    "SourceParameters",
    "Target",
    "TargetParameters",
)


async def create_pipe(ctx: Context, request: Request) -> Response:
    """Handle CreatePipe."""
    name = request["Name"]
    _check_free(ctx, name)
    fields = {key: request[key] for key in _FIELDS if request.get(key) is not None}
    fields.setdefault("DesiredState", "RUNNING")
    _check(fields)
    fields["SourceParameters"] = with_defaults(fields)
    now = ctx.clock.now()
    pipe = {
        "arn": f"arn:aws:pipes:{ctx.region}:{ctx.account}:pipe/{name}",
        "name": name,
        "id": new_request_id(),
        "fields": fields,
        "tags": dict(request.get("Tags") or {}),
        "created": now,
        "modified": now,
    }
    # Also where the pipe starts later: LATEST is as of its creation.
    pipe["begins"] = dict(await ctx.parts.sources.begin(mapping_of(pipe)))
    _check_free(ctx, name)
    await of(ctx).put(ctx.account, ctx.region, pipe)
    return _answer(pipe, "CREATING")


def _check_free(ctx: Context, name: str) -> None:
    if of(ctx).find(ctx.account, ctx.region, name) is not None:
        raise conflict(name, f"Pipe {name} already exists.")


async def update_pipe(ctx: Context, request: Request) -> Response:
    """Handle UpdatePipe: what is not given stays."""
    pipe = _found(ctx, request["Name"])
    before = pipe["fields"]
    fields = {**before, **{key: request[key] for key in _FIELDS if request.get(key) is not None}}
    given = request.get("SourceParameters")
    if given is not None:
        fields["SourceParameters"] = _merged(before["SourceParameters"], given)
    if request.get("Enrichment") == "":
        fields.pop("Enrichment", None)
        fields.pop("EnrichmentParameters", None)
    _check(fields)
    changed = {**pipe, "fields": fields, "modified": ctx.clock.now()}
    await of(ctx).put(ctx.account, ctx.region, changed)
    return _answer(changed, "UPDATING")


async def describe_pipe(ctx: Context, request: Request) -> Response:
    """Handle DescribePipe."""
    pipe = _found(ctx, request["Name"])
    return {
        **_answer(pipe),
        **pipe["fields"],
        "StateReason": "USER_INITIATED",
        "Tags": pipe["tags"],
    }


async def list_pipes(ctx: Context, request: Request) -> Response:
    """Handle ListPipes, by name."""
    state = of(ctx)
    shown = []
    for name in state.table.keys(ctx.account, ctx.region):
        pipe = state.find(ctx.account, ctx.region, name)
        if pipe is not None and _is_wanted(pipe, request):
            fields = pipe["fields"]
            entry = {"StateReason": "USER_INITIATED", **_answer(pipe)}
            for key in ("Source", "Target", "Enrichment"):
                if key in fields:
                    entry[key] = fields[key]
            shown.append(entry)
    try:
        found, token = page(shown, request.get("Limit"), request.get("NextToken"))
    except ValueError as error:
        raise invalid(f"NextToken: {error}.") from error
    return {"Pipes": found, "NextToken": token}


def _is_wanted(pipe: Pipe, request: Request) -> bool:
    fields = pipe["fields"]
    return (
        pipe["name"].startswith(request.get("NamePrefix") or "")
        and fields["Source"].startswith(request.get("SourcePrefix") or "")
        and fields["Target"].startswith(request.get("TargetPrefix") or "")
        and request.get("DesiredState") in (None, fields["DesiredState"])
        and request.get("CurrentState") in (None, fields["DesiredState"])
    )


async def start_pipe(ctx: Context, request: Request) -> Response:
    """Handle StartPipe."""
    return await _turn(ctx, request["Name"], "RUNNING", "STARTING")


async def stop_pipe(ctx: Context, request: Request) -> Response:
    """Handle StopPipe: what is in flight ends before this answers."""
    return await _turn(ctx, request["Name"], "STOPPED", "STOPPING")


async def _turn(ctx: Context, name: str, wanted: str, shown: str) -> Response:
    pipe = _found(ctx, name)
    if pipe["fields"]["DesiredState"] == wanted:
        raise conflict(name, f"Pipe {name} is in an invalid state for this operation.")
    fields = {**pipe["fields"], "DesiredState": wanted}
    changed = {**pipe, "fields": fields, "modified": ctx.clock.now()}
    await of(ctx).put(ctx.account, ctx.region, changed)
    return _answer(changed, shown)


async def delete_pipe(ctx: Context, request: Request) -> Response:
    """Handle DeletePipe: what is in flight ends before this answers."""
    pipe = _found(ctx, request["Name"])
    await of(ctx).drop(ctx.account, ctx.region, pipe)
    return {**_answer(pipe, "DELETING"), "DesiredState": "DELETED"}


def _found(ctx: Context, name: str) -> Pipe:
    pipe = of(ctx).find(ctx.account, ctx.region, name)
    if pipe is None:
        raise not_found(name)
    return pipe


def _answer(pipe: Pipe, state: str = "") -> dict[str, Any]:
    wanted = pipe["fields"]["DesiredState"]
    return {
        "Arn": pipe["arn"],
        "Name": pipe["name"],
        "DesiredState": wanted,
        "CurrentState": state or wanted,
        "CreationTime": pipe["created"],
        "LastModifiedTime": pipe["modified"],
    }


def _merged(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with those that an update gives."""
    merged = dict(before)
    for name, value in given.items():
        own = merged.get(name)
        if isinstance(own, Mapping) and isinstance(value, Mapping) and name != "FilterCriteria":
            merged[name] = {**own, **value}
        else:
            merged[name] = value
    return merged


def _enriches(arn: str) -> bool:
    service, resource = arn.split(":", 5)[2], arn.split(":", 5)[5]
    return service in ("lambda", "states") or resource.startswith("api-destination/")


def _check(fields: Mapping[str, Any]) -> None:
    """Refuse what is not served, and what makes no sense.

    Raises:
        AwsError: ValidationException.
    """
    check_source(fields)
    filters = ((fields.get("SourceParameters") or {}).get("FilterCriteria") or {}).get("Filters")
    for each in filters or ():
        if not is_pattern(each.get("Pattern") or ""):
            raise invalid("Invalid filter pattern: it is no event pattern.")
    enrichment = fields.get("Enrichment")
    if enrichment and not _enriches(enrichment):
        raise invalid(
            f"localfaas has no enrichment by {enrichment}: it is done by functions, express state"
            " machines and API destinations."
        )
    target = fields["Target"]
    if not is_served(target):
        raise invalid(
            f"localfaas has no pipes to {target}: targets are functions, queues, topics, buses,"
            " API destinations, state machines, Kinesis streams and log groups."
        )
    parameters = fields.get("TargetParameters") or {}
    if target.split(":")[2] == "kinesis" and not parameters.get("KinesisStreamParameters"):
        raise invalid(f"KinesisStreamParameters must be provided for the target {target}.")
    group = (parameters.get("SqsQueueParameters") or {}).get("MessageGroupId")
    if target.endswith(".fifo") and target.split(":")[2] == "sqs" and not group:
        raise invalid("MessageGroupId must be provided for a FIFO queue.")
    for owner in (parameters, fields.get("EnrichmentParameters") or {}):
        if not is_template(owner.get("InputTemplate") or ""):
            raise invalid("Invalid InputTemplate: it has a path that is none.")
