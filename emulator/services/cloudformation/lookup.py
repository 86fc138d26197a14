"""What several operations need: the stack a request means, its template, its pages."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.cloudformation.planning import LARGEST_BODY
from emulator.services.cloudformation.stack import Stack
from emulator.services.cloudformation.state import of
from emulator.services.context import Context, Request
from emulator.stack.errors import TemplateError

_PAGE = 100
#: What AWS calls an error of templates twice: references to what is not there.
_DOUBLY = (
    "Template error: instance of ",
    "Template error: resource ",
)


def refused(message: str) -> AwsError:
    """Return a ValidationError."""
    return AwsError("ValidationError", message, status=400)


def from_template(error: TemplateError) -> AwsError:
    """Return what AWS answers to a template that is wrong."""
    message = error.message
    if message.startswith(_DOUBLY):
        message = f"Template validation error: {message}"
    return refused(message)


def stack_of(ctx: Context, name: str) -> Stack:
    """Return the stack of this name or id.

    Raises:
        AwsError: ValidationError: there is none.
    """
    found = of(ctx).store.find(ctx.account, ctx.region, name)
    if found is None:
        raise refused(f"Stack with id {name} does not exist")
    return found


async def template_of(ctx: Context, request: Request, stack: Stack | None = None) -> str:
    """Return the template that a request gives.

    Args:
        ctx: The request's context.
        request: The request, by the names of the model's members.
        stack: Whose template ``UsePreviousTemplate`` means.

    Raises:
        AwsError: ValidationError: there is none, or too much of it.
    """
    body, url = request.get("TemplateBody"), request.get("TemplateURL")
    if body and url:
        raise refused("You cannot specify both a template URL and a template body")
    if body:
        if len(body.encode()) > LARGEST_BODY:
            raise refused(
                "1 validation error detected: Value at 'templateBody' failed to satisfy"
                f" constraint: Member must have length less than or equal to {LARGEST_BODY}"
            )
        return str(body)
    if url:
        from emulator.services.cloudformation.buckets import read_from_bucket

        return await read_from_bucket(ctx.parts.table, ctx.account, ctx.region, str(url))
    if request.get("UsePreviousTemplate") and stack is not None and stack.current is not None:
        return stack.current.template
    raise refused("Either Template URL or Template Body must be specified.")


def parameters_of(request: Request, previous: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a request by name.

    Args:
        request: The request, by the names of the model's members.
        previous: Those of the stack, for ``UsePreviousValue``.

    Raises:
        AwsError: ValidationError: one has no previous value.
    """
    found: dict[str, str] = {}
    for parameter in request.get("Parameters") or []:
        name = str(parameter.get("ParameterKey", ""))
        if parameter.get("UsePreviousValue"):
            if name not in previous:
                raise refused(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as"
                    " true for a parameter key not in the previous template"
                )
            found[name] = previous[name]
        elif "ParameterValue" in parameter:
            found[name] = str(parameter["ParameterValue"])
    return found


def tags_of(request: Request) -> dict[str, str]:
    """Return the tags of a request."""
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}


def page(
    items: Sequence[Any], token: str | None, size: int = _PAGE
) -> tuple[list[Any], str | None]:
    """Return a page of ``items``, and the token of the next one.

    Raises:
        AwsError: ValidationError: the token is none of ours.
    """
    start = 0
    if token:
        try:
            start = int(urlsafe_b64decode(token.encode()).decode())
        except ValueError:
            raise refused("NextToken is not valid") from None
    end = start + size
    following = urlsafe_b64encode(str(end).encode()).decode() if end < len(items) else None
    return list(items[start:end]), following
