"""FunctionConfiguration: a function version in the wire's shape, and back.

https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from emulator.model.arn import runtime_version_arn
from emulator.model.function import LATEST, FunctionVersion, LayerVersion
from emulator.model.limits import ENVIRONMENT_SIZE
from emulator.model.sandbox import ImageConfig
from emulator.registry import records
from emulator.registry.function import Function
from emulator.services.lambda_.errors import invalid

#: Members of requests that are stored and shown as they came.
_KEPT = (
    "Role",
    "Description",
    "VpcConfig",
    "DeadLetterConfig",
    "KMSKeyArn",
    "TracingConfig",
    "FileSystemConfigs",
    "SnapStart",
    "CapacityProviderConfig",
    "TenancyConfig",
    "RuntimeConfig",
    "AcceleratorConfig",
)
#: Those of them that are shown only where they are not empty.
_SHOWN = (
    "DeadLetterConfig",
    "KMSKeyArn",
    "FileSystemConfigs",
    "CapacityProviderConfig",
    "TenancyConfig",
    "RuntimeConfig",
    "AcceleratorConfig",
)
#: Members that list operations leave out.
_NOT_LISTED = (
    "State",
    "StateReason",
    "StateReasonCode",
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "RuntimeVersionConfig",
)
#: Fields that make no difference to what a version does.
_PASSING = frozenset(
    """
    version generation revision_id last_modified state state_reason state_reason_code
    last_update_status last_update_status_reason last_update_status_reason_code
    """.split()
)


def timestamp(seconds: float) -> str:
    """Return a time as Lambda writes it: 2026-01-31T10:20:30.000+0000."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def new_revision() -> str:
    """Return the id of a new revision."""
    return str(uuid.uuid4())


def fingerprint(version: FunctionVersion) -> str:
    """Return a digest of a version's code and configuration."""
    body = {k: v for k, v in records.of_version(version).items() if k not in _PASSING}
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def apply(
    version: FunctionVersion,
    request: Mapping[str, Any],
    now: float,
    layers: tuple[LayerVersion, ...] | None = None,
) -> FunctionVersion:
    """Return ``version`` changed by the members of a Create or UpdateConfiguration request.

    Args:
        version: The version as it is.
        request: The request, by the names of the model's members.
        now: Seconds since the epoch.
        layers: The layers the request names; None leaves them as they are.

    Raises:
        AwsError: InvalidParameterValueException the members contradict each other.
    """
    changes: dict[str, Any] = {}
    for member, name in (
        ("Runtime", "runtime"),
        ("Handler", "handler"),
        ("MemorySize", "memory_mb"),
        ("Timeout", "timeout_s"),
    ):
        if member in request:
            changes[name] = request[member]
    if "EphemeralStorage" in request:
        changes["ephemeral_storage_mb"] = request["EphemeralStorage"]["Size"]
    if "Environment" in request:
        changes["environment"] = check_environment(request["Environment"].get("Variables") or {})
    if "ImageConfig" in request:
        image = request["ImageConfig"]
        changes["image_config"] = ImageConfig(
            entrypoint=tuple(image.get("EntryPoint") or ()),
            command=tuple(image.get("Command") or ()),
            working_directory=image.get("WorkingDirectory") or "",
        )
    if "LoggingConfig" in request:
        changes |= logging_changes(version, request["LoggingConfig"])
    if layers is not None:
        changes["layers"] = layers
    settings = dict(version.settings)
    for member in _KEPT:
        if member in request:
            settings[member] = request[member]
    changes["settings"] = settings
    return replace(version, **changes, revision_id=new_revision(), last_modified=timestamp(now))


def logging_changes(version: FunctionVersion, logging: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a version that a LoggingConfig changes.

    Raises:
        AwsError: It sets a level while the format is not JSON.
    """
    log_format = logging.get("LogFormat", version.log_format)
    levels = {"ApplicationLogLevel", "SystemLogLevel"} & set(logging)
    if levels and log_format != "JSON":
        raise invalid("To configure the log level, the log format must be JSON.")
    return {
        "log_format": log_format,
        "application_log_level": logging.get(
            "ApplicationLogLevel", version.application_log_level or "INFO"
        )
        if log_format == "JSON"
        else "",
        "system_log_level": logging.get("SystemLogLevel", version.system_log_level or "INFO")
        if log_format == "JSON"
        else "",
        "log_group": logging.get("LogGroup", version.log_group),
    }


#: Variables that a function may not set.
#: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
_RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)


def check_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables if AWS would take them.

    Raises:
        AwsError: They are over 4 KB, or one of them is reserved.
    """
    text = orjson.dumps(dict(variables))
    if len(text) > ENVIRONMENT_SIZE:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided exceeded the 4KB limit. String measured: "
            f"{text.decode()}"
        )
    reserved = [name for name in variables if name in _RESERVED]
    if reserved:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not supported "
            f"for modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
    return dict(variables)


def render(version: FunctionVersion, qualifier: str | None = None) -> dict[str, Any]:
    """Return the FunctionConfiguration of a version.

    Args:
        version: The version.
        qualifier: The version or alias to name in FunctionArn, as AWS does where the caller
            named one.
    """
    settings = version.settings
    body: dict[str, Any] = {
        "FunctionName": version.name,
        "FunctionArn": f"{version.function_arn}:{qualifier}" if qualifier else version.function_arn,
        "Role": settings.get("Role"),
        "CodeSize": version.code.size,
        "Description": settings.get("Description", ""),
        "Timeout": version.timeout_s,
        "MemorySize": version.memory_mb,
        "LastModified": version.last_modified,
        "CodeSha256": version.code.sha256,
        "Version": version.version,
        "TracingConfig": settings.get("TracingConfig") or {"Mode": "PassThrough"},
        "RevisionId": version.revision_id,
        "State": version.state,
        "PackageType": "Image" if version.code.image else "Zip",
        "Architectures": [version.architecture],
        "EphemeralStorage": {"Size": version.ephemeral_storage_mb},
        "SnapStart": _snap_start(version),
        "LoggingConfig": _render_logging(version),
    }
    if version.managed is not None:
        del body["SnapStart"]  # it does not go with them
        config = orjson.dumps(settings["CapacityProviderConfig"], option=orjson.OPT_SORT_KEYS)
        body["ConfigSha256"] = hashlib.sha256(config).hexdigest()
    if version.state_reason:
        body["StateReason"] = version.state_reason
        body["StateReasonCode"] = version.state_reason_code
    if version.state != "Pending":
        body["LastUpdateStatus"] = version.last_update_status
        if version.last_update_status_reason:
            body["LastUpdateStatusReason"] = version.last_update_status_reason
            body["LastUpdateStatusReasonCode"] = version.last_update_status_reason_code
    if version.environment is not None:
        body["Environment"] = {"Variables": dict(version.environment)}
    if version.code.image:
        if version.image_config is not None:
            body["ImageConfigResponse"] = {"ImageConfig": _render_image(version.image_config)}
    else:
        body["Runtime"] = version.runtime
        body["Handler"] = version.handler
        body["RuntimeVersionConfig"] = {
            "RuntimeVersionArn": runtime_version_arn(version.region, version.runtime)
        }
    if version.layers:
        body["Layers"] = [
            {"Arn": layer.arn, "CodeSize": layer.code.size} for layer in version.layers
        ]
    if settings.get("VpcConfig") is not None:
        body["VpcConfig"] = _vpc(settings["VpcConfig"])
    for member in _SHOWN:
        value = settings.get(member)
        if value and value != {"TargetArn": ""}:
            body[member] = value
    return body


def listed(version: FunctionVersion, qualifier: str | None = None) -> dict[str, Any]:
    """Return the FunctionConfiguration of a version as list operations show it."""
    body = render(version, qualifier)
    for member in _NOT_LISTED:
        body.pop(member, None)
    return body


def _vpc(config: Mapping[str, Any]) -> dict[str, Any]:
    subnets = config.get("SubnetIds") or []
    # No network is here to look subnets up in: the same subnets mean the same VPC.
    digest = hashlib.sha256(",".join(sorted(subnets)).encode()).hexdigest()
    return {
        "SubnetIds": subnets,
        "SecurityGroupIds": config.get("SecurityGroupIds") or [],
        "VpcId": f"vpc-{digest[:17]}" if subnets else "",
        "Ipv6AllowedForDualStack": bool(config.get("Ipv6AllowedForDualStack")),
    }


def snapshot_wanted(version: FunctionVersion) -> bool:
    """Say whether versions published of this one have a snapshot made."""
    return (version.settings.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions"


def _snap_start(version: FunctionVersion) -> dict[str, str]:
    wanted = snapshot_wanted(version)
    optimized = wanted and version.version != LATEST and version.state == "Active"
    return {
        "ApplyOn": "PublishedVersions" if wanted else "None",
        "OptimizationStatus": "On" if optimized else "Off",
    }


def _render_logging(version: FunctionVersion) -> dict[str, str]:
    logging = {"LogFormat": version.log_format, "LogGroup": version.effective_log_group}
    if version.log_format == "JSON":
        logging["ApplicationLogLevel"] = version.application_log_level
        logging["SystemLogLevel"] = version.system_log_level
    return logging


def _render_image(image: ImageConfig) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if image.entrypoint:
        body["EntryPoint"] = list(image.entrypoint)
    if image.command:
        body["Command"] = list(image.command)
    if image.working_directory:
        body["WorkingDirectory"] = image.working_directory
    return body


def bump_revision(function: Function) -> None:
    """Give $LATEST a new RevisionId for a change of neither code nor configuration."""
    function.latest = replace(function.latest, revision_id=new_revision())
    if LATEST in function.settling:
        function.settling[LATEST] = replace(function.settling[LATEST], revision_id=new_revision())
