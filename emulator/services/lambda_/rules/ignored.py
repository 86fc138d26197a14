"""Settings that are accepted, kept and shown but have no effect: each is warned of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.function import FunctionVersion
from emulator.registry.function import Function
from emulator.services.context import Context, Parts
from emulator.services.lambda_.errors import invalid
from emulator.services.lambda_.rules.mappings import kind_of

#: Settings of a version without effect here, and what that means.
_SETTINGS = {
    "VpcConfig": "functions run in the machine's own network",
    "KMSKeyArn": "nothing is encrypted",
    "FileSystemConfigs": "no file system is mounted",
    "RuntimeConfig": "the runtime is the one installed here",
    "AcceleratorConfig": "there is no accelerator",
}
#: The same of an event source mapping.
_MAPPING_SETTINGS = {
    "KMSKeyArn": "nothing is encrypted",
    "LoggingConfig": "pollers log nothing of their own",
    "MetricsConfig": "no metrics are kept",
}
_PLAIN: tuple[object, ...] = (None, "", [], {}, {"Mode": "PassThrough"}, {"ApplyOn": "None"})


def of_version(parts: Parts, version: FunctionVersion) -> dict[str, str]:
    """Return the settings of a version without effect, and what that means."""
    found = {}
    for name, meaning in _SETTINGS.items():
        value = version.settings.get(name)
        if value in _PLAIN or (name == "VpcConfig" and not dict(value or {}).get("SubnetIds")):
            continue
        found[name] = meaning
    dead_letters = (version.settings.get("DeadLetterConfig") or {}).get("TargetArn")
    if dead_letters and not parts.targets.serves(dead_letters):
        found["DeadLetterConfig"] = f"nothing can be delivered to {dead_letters}"
    foreign = parts.driver.check_architecture(version.architecture)
    if foreign and not parts.driver.emulates:
        found["Architectures"] = foreign.removesuffix(".")
    return found


def of_mapping(parts: Parts, mapping: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings of an event source mapping without effect, and what that means."""
    if not parts.sources.is_polled(mapping):
        return {"EventSourceMapping": f"{kind_of(mapping).title} is not polled"}
    return {
        name: meaning
        for name, meaning in _MAPPING_SETTINGS.items()
        if mapping.get(name) not in (*_PLAIN, {"Metrics": []})
    }


def _of_mappings(parts: Parts, function: Function) -> set[str]:
    at = (function.latest.account, function.latest.region)
    mappings = parts.registry.mappings
    found: set[str] = set()
    for key in mappings.keys(*at):
        mapping = mappings.find(*at, key) or {}
        arn = mapping["FunctionArn"]
        if arn == function.arn or arn.startswith(f"{function.arn}:"):
            found.update(of_mapping(parts, mapping))
    return found


def ignored(parts: Parts, function: Function) -> list[str]:
    """Return everything that is configured for a function without effect."""
    names = [*of_version(parts, function.latest)]
    names += sorted(_of_mappings(parts, function))
    if any(each.update_on != "Auto" for each in function.attached.runtime_management.values()):
        names.append("RuntimeManagementConfig")
    return names


def refuse_durable(request: Mapping[str, Any]) -> None:
    """Refuse a durable function: its handler can do nothing without the operations it calls.

    https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html

    Raises:
        AwsError: InvalidParameterValueException.
    """
    if request.get("DurableConfig"):
        raise invalid(
            "DurableConfig: localfaas does not run durable functions (no operation on durable "
            "executions is served). Step Functions' state machines last here."
        )


def report(ctx: Context, version: FunctionVersion) -> None:
    """Warn of a version's settings without effect.

    Raises:
        AwsError: The emulator is strict, and refuses it.
    """
    for name, meaning in of_version(ctx.parts, version).items():
        refuse(ctx, f"{version.name}: {name} is not acted on: {meaning}.")


def report_mapping(ctx: Context, name: str, mapping: Mapping[str, Any]) -> None:
    """Warn of settings without effect of a mapping of the function ``name``.

    Raises:
        AwsError: The emulator is strict, and refuses it.
    """
    for member, meaning in of_mapping(ctx.parts, mapping).items():
        refuse(ctx, f"{name}: {member} is not acted on: {meaning}.")


def refuse(ctx: Context, text: str) -> None:
    """Warn of a setting without effect; with ``--strict``, refuse it."""
    if ctx.parts.strict:
        raise invalid(f"{text} (localfaas refuses it, because its settings are strict)")
    ctx.parts.console.warn(text)
