"""Finding what a request names."""

from __future__ import annotations

import re

from emulator.model.arn import FunctionName, function_arn, parse_function_name
from emulator.model.errors import AwsError
from emulator.model.function import LATEST, FunctionVersion
from emulator.registry.function import Function
from emulator.services.context import Context, Request
from emulator.services.lambda_.errors import invalid, not_found
from emulator.services.lambda_.rules import cross_account as access

_ALIAS = re.compile(r"(?!^[0-9]+$)[a-zA-Z0-9-_]+")


def function_not_found(arn: str) -> AwsError:
    """Return the error for a function that does not exist."""
    return not_found(f"Function not found: {arn}")


def name_of(ctx: Context, request: Request) -> FunctionName:
    """Return the name and the qualifier, wherever the request gives it.

    Raises:
        AwsError: The name is invalid, the two qualifiers differ, or the function is of another
            account that does not allow the caller.
    """
    named = parse_function_name(request["FunctionName"])
    if named is None:
        raise invalid(f"Invalid function name: {request['FunctionName']}")
    if named.region is not None and named.region != ctx.region:
        raise not_found(
            f"Functions from '{named.region}' are not reachable in this region ('{ctx.region}')"
        )
    qualifier = request.get("Qualifier")
    if qualifier and named.qualifier and qualifier != named.qualifier:
        raise invalid(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    if qualifier:
        named = named._replace(qualifier=qualifier)
    if named.account is not None:
        access.check(ctx, named.account, named.name, named.qualifier)
    return named


def find(ctx: Context, named: FunctionName) -> Function | None:
    """Return a function by its parsed name; None where it does not exist."""
    return ctx.parts.registry.find(named.account or ctx.account, ctx.region, named.name)


def arn_of(ctx: Context, named: FunctionName, qualifier: str | None = None) -> str:
    """Return the ARN that a name stands for, whether the function exists or not."""
    return function_arn(named.account or ctx.account, ctx.region, named.name, qualifier)


def function(ctx: Context, request: Request) -> Function:
    """Return the function that a request names.

    Raises:
        AwsError: ResourceNotFoundException, with the ARN as the caller qualified it.
    """
    named = name_of(ctx, request)
    found = find(ctx, named)
    if found is None:
        raise function_not_found(arn_of(ctx, named, named.qualifier))
    return found


def version(ctx: Context, request: Request) -> tuple[Function, FunctionVersion]:
    """Return the function and the version (or the one behind the alias) a request names."""
    found = function(ctx, request)
    qualifier = name_of(ctx, request).qualifier or LATEST
    alias = found.aliases.get(qualifier)
    chosen = found.numbered(alias.function_version if alias else qualifier)
    if chosen is None:
        raise function_not_found(f"{found.arn}:{qualifier}")
    return found, chosen


def is_version(qualifier: str) -> bool:
    """Say whether a qualifier is the number of a version."""
    return qualifier.isdecimal()


def is_alias(qualifier: str) -> bool:
    """Say whether a qualifier has the form of an alias's name."""
    return _ALIAS.fullmatch(qualifier) is not None


def published(function: Function, qualifier: str) -> None:
    """Check that a version or alias exists.

    Raises:
        AwsError: ResourceNotFoundException, in the words AWS has for each of the two.
    """
    if qualifier in function.aliases or qualifier in function.versions:
        return
    raise no_qualified(f"{function.arn}:{qualifier}", qualifier)


def no_qualified(arn: str, qualifier: str) -> AwsError:
    """Return the error for a version or an alias that does not exist.

    Args:
        arn: The version's or the alias's.
        qualifier: Its last part.
    """
    if is_alias(qualifier):
        return not_found(f"Cannot find alias arn: {arn}")
    return function_not_found(arn)
