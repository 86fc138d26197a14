"""What is accepted, kept and shown, but not acted on: said aloud, never silently."""

from __future__ import annotations

from emulator.control.context import Context
from emulator.control.lambda_.errors import invalid
from emulator.model.function import FunctionVersion
from emulator.registry.functions import Function

#: Settings of a version that nothing here acts on, and what that means.
_SETTINGS = {
    "VpcConfig": "functions run in the machine's own network",
    "KMSKeyArn": "nothing is encrypted",
    "TracingConfig": "nothing is sent to X-Ray",
    "FileSystemConfigs": "no file system is mounted",
    "SnapStart": "versions start afresh, without a snapshot",
    "DurableConfig": "executions are not durable",
    "RuntimeConfig": "the runtime is the one installed here",
    "AcceleratorConfig": "there is no accelerator",
}
_PLAIN: tuple[object, ...] = (None, "", [], {}, {"Mode": "PassThrough"}, {"ApplyOn": "None"})


def of_version(version: FunctionVersion) -> list[str]:
    """Return the names of a version's settings that are not acted on."""
    names = []
    for name in _SETTINGS:
        value = version.settings.get(name)
        if value in _PLAIN or (name == "VpcConfig" and not dict(value or {}).get("SubnetIds")):
            continue
        names.append(name)
    return names


def ignored(function: Function) -> list[str]:
    """Return everything about a function that is configured and not acted on."""
    names = [*function.ignored, *of_version(function.latest)]
    if function.attached.get("scaling"):
        names.append("FunctionScalingConfig")
    if any(
        each.get("UpdateRuntimeOn") not in (None, "Auto")
        for each in function.attached.get("runtime", {}).values()
    ):
        names.append("RuntimeManagementConfig")
    return names


def report(ctx: Context, version: FunctionVersion) -> None:
    """Warn of what a version asks for in vain.

    Raises:
        AwsError: The settings are strict: it is refused.
    """
    for name in of_version(version):
        refuse(ctx, f"{version.name}: {name} is not acted on: {_SETTINGS[name]}.")


def refuse(ctx: Context, text: str) -> None:
    """Warn of something that is only kept, or refuse it under strict settings."""
    if ctx.services.strict:
        raise invalid(f"{text} (localfaas refuses it, because its settings are strict)")
    ctx.services.complain(text)
