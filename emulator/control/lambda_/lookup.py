"""Finding what a request names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.control.context import Context
from emulator.model.arn import FunctionName, function_arn, parse_function_name
from emulator.model.errors import AwsError
from emulator.model.function import LATEST, FunctionVersion
from emulator.registry.functions import Function


def not_found(arn: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Function not found: {arn}", Type="User")


def name_of(ctx: Context, request: Mapping[str, Any]) -> FunctionName:
    """Return the name, and the qualifier from either place a request can give it.

    Raises:
        AwsError: The name is no name, or the two qualifiers differ.
    """
    named = parse_function_name(request["FunctionName"])
    if named is None:
        raise AwsError(
            "InvalidParameterValueException", f"Invalid function name: {request['FunctionName']}"
        )
    qualifier = request.get("Qualifier")
    if qualifier and named.qualifier and qualifier != named.qualifier:
        raise AwsError(
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.",
            Type="User",
        )
    if named.region is not None and named.region != ctx.region:
        raise AwsError(
            "ResourceNotFoundException",
            f"Functions from '{named.region}' are not reachable in this region ('{ctx.region}')",
            Type="User",
        )
    return named._replace(qualifier=qualifier or named.qualifier)


def function(ctx: Context, request: Mapping[str, Any]) -> Function:
    """Return the function a request names.

    Raises:
        AwsError: ResourceNotFoundException, with the ARN as the caller qualified it.
    """
    named = name_of(ctx, request)
    account = named.account or ctx.account
    found = ctx.services.registry.find(account, ctx.region, named.name)
    if found is None:
        raise not_found(function_arn(account, ctx.region, named.name, named.qualifier))
    return found


def version(ctx: Context, request: Mapping[str, Any]) -> tuple[Function, FunctionVersion]:
    """Return the function and the version (or the one behind the alias) a request names."""
    named = name_of(ctx, request)
    found = function(ctx, request)
    qualifier = named.qualifier or LATEST
    chosen = found.version(qualifier)
    if chosen is None:
        raise not_found(f"{found.arn}:{qualifier}")
    return found, chosen
