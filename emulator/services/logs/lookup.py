"""Finds the groups and streams that a request names, and pages through lists of them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request
from emulator.telemetry.groups import LogGroup, LogStream

T = TypeVar("T")

_ARN = re.compile(r"arn:aws[a-z-]*:logs:[a-z0-9-]*:\d{12}:log-group:(?P<name>[^:]+)(:\*)?")


def invalid(message: str) -> AwsError:
    """Return the error for an invalid parameter."""
    return AwsError("InvalidParameterException", message)


def not_found(message: str) -> AwsError:
    """Return the error for a group or stream that does not exist."""
    return AwsError("ResourceNotFoundException", message)


def arn(ctx: Context, name: str) -> str:
    """Return a group's ARN, without the ``:*`` that stands for its streams."""
    return f"arn:aws:logs:{ctx.region}:{ctx.account}:log-group:{name}"


def groups(ctx: Context) -> dict[str, LogGroup]:
    """Return the groups of the caller's account and region. Do not change them."""
    return ctx.parts.logs.groups.get((ctx.account, ctx.region), {})


def group(ctx: Context, name: str) -> LogGroup:
    """Return a group.

    Raises:
        AwsError: ResourceNotFoundException.
    """
    found = groups(ctx).get(name)
    if found is None:
        raise not_found("The specified log group does not exist.")
    ctx.parts.logs.expire(found)
    return found


def group_of(ctx: Context, request: Request) -> LogGroup:
    """Return the group a request names, or whose ARN it gives.

    Raises:
        AwsError: The group does not exist, or the request has both members, or neither.
    """
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.")
    return group(ctx, name if name is not None else name_in(str(identifier)))


def name_in(identifier: str) -> str:
    """Return the name in a group's name or ARN."""
    match = _ARN.fullmatch(identifier)
    return match["name"] if match else identifier


def resource(ctx: Context, resource_arn: str) -> LogGroup:
    """Return the group with an ARN, to be tagged.

    Raises:
        AwsError: ResourceNotFoundException.
    """
    found = groups(ctx).get(name_in(resource_arn))
    if found is None or not resource_arn.startswith(arn(ctx, found.name)):
        raise not_found("The specified resource does not exist.")
    return found


def stream(found: LogGroup, name: str) -> LogStream:
    """Return a stream.

    Raises:
        AwsError: ResourceNotFoundException.
    """
    if name not in found.streams:
        raise not_found("The specified log stream does not exist.")
    return found.streams[name]


def page(
    items: Sequence[T], request: Mapping[str, Any], key: Callable[[T], str], limit: int = 50
) -> tuple[Sequence[T], str | None]:
    """Return one page of a list, and the token of the next.

    Args:
        items: In the order they are listed; the page begins after the item whose key stands in
            the request's token.
        request: Says nextToken and limit.
        key: Tells items apart.
        limit: Items of a page where the request does not say.

    Raises:
        AwsError: InvalidParameterException: the token was not made here.
    """
    first = 0
    token = request.get("nextToken")
    if token is not None:
        last = text_of(token)
        first = next((at + 1 for at, item in enumerate(items) if key(item) == last), len(items))
    chosen = items[first : first + request.get("limit", limit)]
    more = first + len(chosen) < len(items)
    return chosen, token_of(key(chosen[-1])) if more and chosen else None


def token_of(text: str) -> str:
    """Return a text as a token for the next page."""
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode()


def text_of(token: str) -> str:
    """Return the text in a token.

    Raises:
        AwsError: InvalidParameterException: it was not made here.
    """
    try:
        return base64.b64decode(token.encode(), b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise invalid("The specified nextToken is invalid.") from error
