"""Tags of pipes."""

from __future__ import annotations

from emulator.services.context import Context, Request, Response
from emulator.services.pipes.errors import invalid, not_found
from emulator.services.pipes.state import Pipe, of

_MOST = 50


async def list_tags_for_resource(ctx: Context, request: Request) -> Response:
    """Handle ListTagsForResource."""
    return {"tags": _tagged(ctx, request["resourceArn"])["tags"]}


async def tag_resource(ctx: Context, request: Request) -> Response:
    """Handle TagResource."""
    pipe = _tagged(ctx, request["resourceArn"])
    tags = {**pipe["tags"], **request["tags"]}
    if len(tags) > _MOST:
        raise invalid(f"A resource can have no more than {_MOST} tags.")
    await _keep(ctx, {**pipe, "tags": tags})
    return {}


async def untag_resource(ctx: Context, request: Request) -> Response:
    """Handle UntagResource."""
    pipe = _tagged(ctx, request["resourceArn"])
    gone = set(request["tagKeys"])
    tags = {key: value for key, value in pipe["tags"].items() if key not in gone}
    await _keep(ctx, {**pipe, "tags": tags})
    return {}


def _tagged(ctx: Context, arn: str) -> Pipe:
    name = arn.rpartition("/")[2]
    pipe = of(ctx).find(ctx.account, ctx.region, name)
    if pipe is None or pipe["arn"] != arn:
        raise not_found(name)
    return pipe


async def _keep(ctx: Context, pipe: Pipe) -> None:
    # It runs as before: only the document changes.
    await of(ctx).table.put(ctx.account, ctx.region, pipe["name"], pipe)
