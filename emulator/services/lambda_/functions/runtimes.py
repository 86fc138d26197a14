"""Which runtimes AWS takes for new and changed functions.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""

from __future__ import annotations

from emulator.model.errors import ConfigurationError
from emulator.model.function import FunctionVersion
from emulator.services.context import Context, Request
from emulator.services.lambda_.errors import invalid
from emulator.services.lambda_.rules import ignored

#: As AWS prints them, in its own order (recorded 2026-01), and those added since.
CURRENT = """
    nodejs20.x python3.14 provided.al2023 python3.12 python3.13 nodejs24.x nodejs22.x java25
    python3.10 python3.11 java21 ruby3.3 ruby3.4 ruby3.2 python3.8 python3.9 java17 nodejs16.x
    dotnet10 dotnet8 java11 dotnet6 nodejs18.x provided.al2 java8.al2
""".split()
_NEW = """
    nodejs26.x python3.15 ruby4.0 java8.al2023 java11.al2023 java17.al2023 custom
""".split()
_DEPRECATED = frozenset(
    """
    nodejs nodejs4.3 nodejs4.3-edge nodejs6.10 nodejs8.10 nodejs10.x nodejs12.x nodejs14.x java8
    python2.7 python3.6 python3.7 dotnetcore1.0 dotnetcore2.0 dotnetcore2.1 dotnetcore3.1 go1.x
    ruby2.5 ruby2.7 provided
    """.split()
)
_SNAP_START = frozenset(
    """
    java11 java17 java21 java25 java11.al2023 java17.al2023 python3.12 python3.13 python3.14
    python3.15 dotnet8 dotnet10
    """.split()
)


def check(ctx: Context, request: Request, version: FunctionVersion | None = None) -> None:
    """Check the runtime of a create or update request.

    Args:
        ctx: The request's context.
        request: The request, by the names of the model's members.
        version: What is updated.

    Raises:
        AwsError: AWS does not have the runtime, or no longer, or not with SnapStart; or (strict)
            nothing here serves it.
    """
    given = request.get("Runtime")
    if given in _DEPRECATED:
        raise invalid(
            f"The runtime parameter of {given} is no longer supported for creating or updating "
            "AWS Lambda functions. We recommend you use a supported runtime while creating or "
            "updating functions."
        )
    if given and given not in CURRENT and given not in _NEW:
        raise invalid(
            f"Value {given} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
            f"value set: [{', '.join(CURRENT)}] or be a valid ARN"
        )
    runtime = given or (version.runtime if version else "")
    snap_start = request.get("SnapStart")
    if snap_start is None and version is not None:
        snap_start = version.settings.get("SnapStart")
    applied = (snap_start or {}).get("ApplyOn") == "PublishedVersions"
    refused = runtime not in _SNAP_START and not ctx.parts.settings.snapstart_any
    if applied and runtime and refused:
        raise invalid(f"{runtime} is not supported for SnapStart enabled functions.")
    if given:
        _check_served(ctx, given)


def _check_served(ctx: Context, runtime: str) -> None:
    try:
        note = ctx.parts.driver.check_runtime(runtime)
    except ConfigurationError as error:
        note = str(error)
        if note not in ctx.parts.told or ctx.parts.strict:
            ctx.parts.told.add(note)
            ignored.refuse(ctx, note)
        return
    if note and note not in ctx.parts.told:
        ctx.parts.told.add(note)
        ctx.parts.console.warn(note)
