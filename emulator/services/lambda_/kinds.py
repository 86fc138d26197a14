"""Lambda's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Lambda.html
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.lambda_.rules import mappings
from emulator.stack.kinds import (
    Call,
    Kind,
    Made,
    Reading,
    ServiceKind,
    TableKind,
    Wanted,
    every,
    forgiving,
)
from emulator.stack.tagging import Tagging, merge_tags

#: Properties of a function that have operations of their own.
_APART = (
    "Code",
    "CodeSigningConfigArn",
    "FunctionScalingConfig",
    "PublishToLatestPublished",
    "RecursiveLoop",
    "ReservedConcurrentExecutions",
    "RuntimeManagementConfig",
    "Tags",
)
#: By runtime: the file of inline code, and the module that answers for custom resources, with what
#: code says to have it. AWS gives it to inline code alone.
_INLINE = {
    "python": ("index.py", "cfnresponse.py", "cfnresponse"),
    "nodejs": ("index.js", "cfn-response.js", "cfn-response"),
}
#: The time stamp of all files in archives of inline code: the same text gives the same archive.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_TAGGING = Tagging(service="lambda", member="Resource")
#: Seconds between checks of a function in transition.
_LOOK_S = 0.05


class Function(ServiceKind):
    """AWS::Lambda::Function."""

    noted = ("FunctionScalingConfig", "PublishToLatestPublished")

    reading = Reading(
        service="lambda",
        get="GetFunctionConfiguration",
        member="FunctionName",
        lists="ListFunctions",
        listed="Functions",
        item="FunctionName",
    )

    async def create(self, call: Call, wanted: Wanted) -> Made:
        properties = wanted.properties
        name = wanted.name("FunctionName")
        plain = {k: v for k, v in properties.items() if k not in _APART}
        tags = merge_tags(wanted.tags, properties.get("Tags"))
        request = call.fit(
            "lambda", "CreateFunction", {**plain, "FunctionName": name, "Tags": tags}
        )
        request["Code"] = _code(properties)
        if properties.get("CodeSigningConfigArn"):
            request["CodeSigningConfigArn"] = properties["CodeSigningConfigArn"]
        await call("lambda", "CreateFunction", request)
        try:
            await _settled(call, name)
            await self._apart(call, name, {}, properties)
        except AwsError:
            await call("lambda", "DeleteFunction", {"FunctionName": name})
            raise
        return await _made(call, name)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        name, properties = made.physical, wanted.properties
        if before.get("Code") != properties.get("Code") or before.get("Architectures") != (
            properties.get("Architectures")
        ):
            code = {**_code(properties), "FunctionName": name}
            if properties.get("Architectures"):
                code["Architectures"] = properties["Architectures"]
            await call("lambda", "UpdateFunctionCode", code)
            await _settled(call, name)
        plain = {k: v for k, v in properties.items() if k not in _APART}
        plain = {**_defaults(before, plain), **plain, "FunctionName": name}
        request = call.fit("lambda", "UpdateFunctionConfiguration", plain)
        await call("lambda", "UpdateFunctionConfiguration", request)
        await _settled(call, name)
        await self._apart(call, name, before, properties)
        await _TAGGING.change(call, made.attributes["Arn"], before, wanted)
        return await _made(call, name)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, "lambda", "DeleteFunction", {"FunctionName": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = wanted.name("FunctionName")
        request = {"FunctionName": name}
        found = await forgiving(call, "lambda", "GetFunctionConfiguration", request)
        return [] if found is None else [await _made(call, name)]

    async def _apart(
        self, call: Call, name: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        reserved = after.get("ReservedConcurrentExecutions")
        if reserved is not None:
            request = {"FunctionName": name, "ReservedConcurrentExecutions": int(reserved)}
            await call("lambda", "PutFunctionConcurrency", request)
        elif "ReservedConcurrentExecutions" in before:
            await call("lambda", "DeleteFunctionConcurrency", {"FunctionName": name})
        loop = after.get("RecursiveLoop")
        if loop != before.get("RecursiveLoop"):
            request = {"FunctionName": name, "RecursiveLoop": loop or "Terminate"}
            await call("lambda", "PutFunctionRecursionConfig", request)
        management = after.get("RuntimeManagementConfig")
        if management != before.get("RuntimeManagementConfig"):
            values = management or {"UpdateRuntimeOn": "Auto"}
            request = call.fit("lambda", "PutRuntimeManagementConfig", values)
            await call("lambda", "PutRuntimeManagementConfig", {**request, "FunctionName": name})
        signing = after.get("CodeSigningConfigArn")
        if before and signing != before.get("CodeSigningConfigArn"):
            request = {"FunctionName": name}
            if signing:
                request["CodeSigningConfigArn"] = signing
            way = "Put" if signing else "Delete"
            await call("lambda", f"{way}FunctionCodeSigningConfig", request)


async def _made(call: Call, name: str) -> Made:
    found = await call("lambda", "GetFunctionConfiguration", {"FunctionName": name})
    attributes = {"Arn": found["FunctionArn"], "SnapStartResponse": found.get("SnapStart") or {}}
    return Made(physical=name, attributes=attributes)


def _defaults(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the default values of properties that the template no longer has."""
    defaults = {
        "DeadLetterConfig": {"TargetArn": ""},
        "Description": "",
        "Environment": {"Variables": {}},
        "EphemeralStorage": {"Size": 512},
        "FileSystemConfigs": [],
        "ImageConfig": {},
        "KmsKeyArn": "",
        "Layers": [],
        "LoggingConfig": {"LogFormat": "Text"},
        "MemorySize": 128,
        "SnapStart": {"ApplyOn": "None"},
        "Timeout": 3,
        "TracingConfig": {"Mode": "PassThrough"},
        "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
    }
    return {k: v for k, v in defaults.items() if k in before and k not in after}


def _code(properties: Mapping[str, Any]) -> dict[str, Any]:
    code = dict(properties.get("Code") or {})
    text = code.get("ZipFile")
    if not isinstance(text, str):
        return code
    runtime = str(properties.get("Runtime", ""))
    for prefix, (name, module, word) in _INLINE.items():
        if runtime.startswith(prefix):
            contents = {name: text}
            if word in text:
                contents[module] = (files(__package__) / "inline_modules" / module).read_text()
            return {"ZipFile": base64.b64encode(_archive(contents)).decode()}
    raise AwsError(
        "InvalidParameterValueException",
        "ZipFile can only be used when Runtime is set to either of nodejs, python",
    )


def _archive(contents: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in contents.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
    return content.getvalue()


async def _settled(call: Call, name: str) -> None:
    """Return once a function's last change is complete.

    Raises:
        AwsError: It failed: the reason that the function shows.
    """
    while True:
        found = await call("lambda", "GetFunctionConfiguration", {"FunctionName": name})
        if found.get("State") == "Failed" or found.get("LastUpdateStatus") == "Failed":
            reason = found.get("StateReason") or found.get("LastUpdateStatusReason")
            raise AwsError("ValidationError", f"Function {name} failed: {reason}")
        if found.get("State") != "Pending" and found.get("LastUpdateStatus") != "InProgress":
            return
        await asyncio.sleep(_LOOK_S)


async def _provision(call: Call, name: str, qualifier: str, config: Any) -> None:
    """Give a version or an alias its provisioned concurrency."""
    request = {"FunctionName": name, "Qualifier": qualifier}
    if isinstance(config, Mapping):
        count = int(config["ProvisionedConcurrentExecutions"])
        request["ProvisionedConcurrentExecutions"] = count  # type: ignore[assignment]
        await call("lambda", "PutProvisionedConcurrencyConfig", request)


class Version(ServiceKind):
    """AWS::Lambda::Version. A version cannot be changed: a changed template publishes a new one."""

    appends = True
    noted = ("FunctionScalingConfig",)

    async def create(self, call: Call, wanted: Wanted) -> Made:
        request = call.fit("lambda", "PublishVersion", wanted.properties)
        made = await call("lambda", "PublishVersion", request)
        provisioned = wanted.properties.get("ProvisionedConcurrencyConfig")
        await _provision(call, request["FunctionName"], made["Version"], provisioned)
        arn = made["FunctionArn"]
        if not arn.endswith(f":{made['Version']}"):
            arn = f"{arn}:{made['Version']}"
        policy = wanted.properties.get("RuntimePolicy")
        if policy:
            values = {
                "FunctionName": request["FunctionName"],
                "Qualifier": made["Version"],
                "UpdateRuntimeOn": policy.get("UpdateRuntimeOn"),
                "RuntimeVersionArn": policy.get("RuntimeVersionArn"),
            }
            await call(
                "lambda",
                "PutRuntimeManagementConfig",
                call.fit("lambda", "PutRuntimeManagementConfig", values),
            )
        attributes = {"FunctionArn": arn, "Version": made["Version"]}
        return Made(physical=arn, attributes=attributes)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        request = {"FunctionName": str(wanted.properties.get("FunctionName", ""))}
        there = await every(call, "lambda", "ListVersionsByFunction", request, "Versions")
        return [
            Made(physical=each["FunctionArn"]) for each in there if each["Version"] != "$LATEST"
        ]

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        provisioned = wanted.properties.get("ProvisionedConcurrencyConfig")
        name = str(wanted.properties["FunctionName"])
        await _provision(call, name, made.attributes["Version"], provisioned)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        function, _, version = made.physical.rpartition(":")
        await forgiving(
            call, "lambda", "DeleteFunction", {"FunctionName": function, "Qualifier": version}
        )


class Alias(ServiceKind):
    """AWS::Lambda::Alias."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        made = await call("lambda", "CreateAlias", self._request(call, "CreateAlias", wanted))
        provisioned = wanted.properties.get("ProvisionedConcurrencyConfig")
        name, alias = str(wanted.properties["FunctionName"]), str(wanted.properties["Name"])
        await _provision(call, name, alias, provisioned)
        return Made(physical=made["AliasArn"], attributes={"AliasArn": made["AliasArn"]})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        request = call.fit("lambda", "GetAlias", wanted.properties)
        found = await forgiving(call, "lambda", "GetAlias", request)
        return [] if found is None else [Made(physical=found["AliasArn"])]

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        request = {"Description": "", **self._request(call, "UpdateAlias", wanted)}
        await call("lambda", "UpdateAlias", request)
        name, alias = str(wanted.properties["FunctionName"]), str(wanted.properties["Name"])
        provisioned = wanted.properties.get("ProvisionedConcurrencyConfig")
        if provisioned is None and before.get("ProvisionedConcurrencyConfig"):
            request = {"FunctionName": name, "Qualifier": alias}
            await forgiving(call, "lambda", "DeleteProvisionedConcurrencyConfig", request)
        elif provisioned != before.get("ProvisionedConcurrencyConfig"):
            await _provision(call, name, alias, provisioned)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        function, _, alias = made.physical.rpartition(":")
        await forgiving(call, "lambda", "DeleteAlias", {"FunctionName": function, "Name": alias})

    def _request(self, call: Call, operation: str, wanted: Wanted) -> dict[str, Any]:
        request = call.fit("lambda", operation, wanted.properties)
        routing = wanted.properties.get("RoutingConfig") or {}
        weights = {
            str(each["FunctionVersion"]): float(each["FunctionWeight"])
            for each in routing.get("AdditionalVersionWeights") or []
        }
        if weights or operation == "UpdateAlias":
            request["RoutingConfig"] = {"AdditionalVersionWeights": weights}
        return request


class Permission(ServiceKind):
    """AWS::Lambda::Permission: a statement of a function's policy."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        statement = wanted.name("", longest=100)
        name, qualifier = _qualified(str(wanted.properties.get("FunctionName", "")))
        values = {**wanted.properties, "FunctionName": name, "StatementId": statement}
        if qualifier:
            values["Qualifier"] = qualifier
        await call("lambda", "AddPermission", call.fit("lambda", "AddPermission", values))
        return Made(physical=statement, attributes={"Id": statement})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name, qualifier = _qualified(str(wanted.properties.get("FunctionName", "")))
        request = {"FunctionName": name, **({"Qualifier": qualifier} if qualifier else {})}
        answer = await forgiving(call, "lambda", "GetPolicy", request) or {"Policy": "{}"}
        statement = wanted.name("", longest=100)
        there = json.loads(answer["Policy"]).get("Statement") or []
        return [Made(physical=statement) for each in there if each.get("Sid") == statement]

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        name, qualifier = _qualified(str(properties.get("FunctionName", "")))
        request = {"FunctionName": name, "StatementId": made.physical}
        if qualifier:
            request["Qualifier"] = qualifier
        await forgiving(call, "lambda", "RemovePermission", request)


def _qualified(name: str) -> tuple[str, str]:
    """Return a function's name or ARN without its qualifier, and the qualifier."""
    parts = name.split(":")
    if len(parts) == 8 or (not name.startswith("arn:") and len(parts) == 2):
        return ":".join(parts[:-1]), parts[-1]
    return name, ""


class LayerVersion(ServiceKind):
    """AWS::Lambda::LayerVersion."""

    appends = True

    async def create(self, call: Call, wanted: Wanted) -> Made:
        values = {**wanted.properties, "LayerName": wanted.name("LayerName", longest=140)}
        request = call.fit("lambda", "PublishLayerVersion", values)
        made = await call("lambda", "PublishLayerVersion", request)
        arn = made["LayerVersionArn"]
        return Made(physical=arn, attributes={"LayerVersionArn": arn})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        request = {"LayerName": wanted.name("LayerName", longest=140)}
        there = await every(call, "lambda", "ListLayerVersions", request, "LayerVersions")
        return [Made(physical=each["LayerVersionArn"]) for each in there]

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        layer, _, version = made.physical.rpartition(":")
        request = {"LayerName": layer, "VersionNumber": int(version)}
        await forgiving(call, "lambda", "DeleteLayerVersion", request)


class EventSourceMapping(TableKind):
    """AWS::Lambda::EventSourceMapping: it is complete once it is polled as it says."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        made = await super().create(call, wanted)
        await self._settled(call, made.physical)
        return made

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        made = await super().update(call, made, before, wanted)
        await self._settled(call, made.physical)
        return made

    def _gone(
        self, call: Call, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> dict[str, Any]:
        found = super()._gone(call, before, after)
        if "BatchSize" in before and "BatchSize" not in after:
            found["BatchSize"] = mappings.kind_of(before).batch
        return found

    async def _settled(self, call: Call, identity: str) -> None:
        request = {"UUID": identity}
        while True:
            found = await call("lambda", "GetEventSourceMapping", request)
            if found["State"] not in _CHANGING:
                return
            await asyncio.sleep(_LOOK_S)


class LayerVersionPermission(ServiceKind):
    """AWS::Lambda::LayerVersionPermission: a statement of the policy of a layer's version."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        statement = wanted.name("", longest=100)
        place = _version_of_layer(str(wanted.properties["LayerVersionArn"]))
        values = {**wanted.properties, **place, "StatementId": statement}
        request = call.fit("lambda", "AddLayerVersionPermission", values)
        await call("lambda", "AddLayerVersionPermission", request)
        name = f"{wanted.properties['LayerVersionArn']}#{statement}"
        return Made(physical=name, attributes={"Id": name})

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        arn, _, statement = made.physical.partition("#")
        request = {**_version_of_layer(arn), "StatementId": statement}
        await forgiving(call, "lambda", "RemoveLayerVersionPermission", request)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        arn = str(wanted.properties.get("LayerVersionArn", ""))
        place, statement = _version_of_layer(arn), wanted.name("", longest=100)
        answer = await forgiving(call, "lambda", "GetLayerVersionPolicy", place)
        there = json.loads((answer or {}).get("Policy") or "{}").get("Statement") or []
        found = [each for each in there if each.get("Sid") == statement]
        return [Made(physical=f"{arn}#{statement}") for _ in found]


def _version_of_layer(arn: str) -> dict[str, Any]:
    layer, _, version = arn.rpartition(":")
    return {"LayerName": layer, "VersionNumber": int(version)}


#: States of mappings that pass.
_CHANGING = ("Creating", "Enabling", "Disabling", "Updating")
#: What a mapping has that never had anything else.
_MAPPING: dict[str, Any] = {
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {"OnFailure": {}},
    "Enabled": True,
    "FilterCriteria": {"Filters": []},
    "FunctionResponseTypes": [],
    "KmsKeyArn": "",
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "MetricsConfig": {"Metrics": []},
    "ParallelizationFactor": 1,
    "ScalingConfig": {},
    "TumblingWindowInSeconds": 0,
}


KINDS: dict[str, Kind] = {
    "AWS::Lambda::Alias": Alias(),
    "AWS::Lambda::CodeSigningConfig": TableKind(
        service="lambda",
        create_operation="CreateCodeSigningConfig",
        update_operation="UpdateCodeSigningConfig",
        delete_operation="DeleteCodeSigningConfig",
        ref="{CodeSigningConfigArn}",
        identifier={"CodeSigningConfigArn": "{CodeSigningConfigArn}"},
        list_operation="ListCodeSigningConfigs",
        listed="CodeSigningConfigs",
        attributes={
            "CodeSigningConfigArn": "{CodeSigningConfigArn}",
            "CodeSigningConfigId": "{CodeSigningConfigId}",
        },
        cleared={
            "Description": "",
            "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"},
        },
        tags="Tags",
        tagging=_TAGGING,
        tagged="{CodeSigningConfigArn}",
    ),
    "AWS::Lambda::EventInvokeConfig": TableKind(
        service="lambda",
        create_operation="PutFunctionEventInvokeConfig",
        read_operation="GetFunctionEventInvokeConfig",
        update_operation="PutFunctionEventInvokeConfig",
        delete_operation="DeleteFunctionEventInvokeConfig",
        ref="{FunctionName}|{Qualifier}",
        identifier={"FunctionName": "{FunctionName}", "Qualifier": "{Qualifier}"},
        # Each put replaces the whole configuration.
    ),
    "AWS::Lambda::CapacityProvider": TableKind(
        service="lambda",
        create_operation="CreateCapacityProvider",
        read_operation="GetCapacityProvider",
        reading=Reading(service="lambda", get="GetCapacityProvider", member="CapacityProviderName"),
        update_operation="UpdateCapacityProvider",
        delete_operation="DeleteCapacityProvider",
        name="CapacityProviderName",
        ref="{CapacityProviderName}",
        identifier={"CapacityProviderName": "{CapacityProviderName}"},
        attributes={"Arn": "{CapacityProviderArn}", "State": "{State}"},
        cleared={
            "CapacityProviderScalingConfig": {"MaxVCpuCount": 400},
            "PropagateTags": None,
            "TelemetryConfig": None,
        },
        tags="Tags",
        tagging=_TAGGING,
    ),
    "AWS::Lambda::EventSourceMapping": EventSourceMapping(
        service="lambda",
        create_operation="CreateEventSourceMapping",
        update_operation="UpdateEventSourceMapping",
        delete_operation="DeleteEventSourceMapping",
        ref="{UUID}",
        identifier={"UUID": "{UUID}"},
        list_operation="ListEventSourceMappings",
        listed="EventSourceMappings",
        reading=Reading(
            service="lambda",
            get="GetEventSourceMapping",
            member="UUID",
            lists="ListEventSourceMappings",
            listed="EventSourceMappings",
            item="UUID",
        ),
        attributes={"Id": "{UUID}", "EventSourceMappingArn": "{EventSourceMappingArn}"},
        renamed={"KmsKeyArn": "KMSKeyArn"},
        cleared=_MAPPING,
        tags="Tags",
        tagging=_TAGGING,
        tagged="{EventSourceMappingArn}",
    ),
    "AWS::Lambda::Function": Function(),
    "AWS::Lambda::LayerVersion": LayerVersion(),
    "AWS::Lambda::LayerVersionPermission": LayerVersionPermission(),
    "AWS::Lambda::Permission": Permission(),
    "AWS::Lambda::Url": TableKind(
        service="lambda",
        create_operation="CreateFunctionUrlConfig",
        read_operation="GetFunctionUrlConfig",
        reading=Reading(service="lambda", get="GetFunctionUrlConfig", member="FunctionName"),
        update_operation="UpdateFunctionUrlConfig",
        delete_operation="DeleteFunctionUrlConfig",
        ref="{FunctionArn}",
        identifier={"FunctionName": "{FunctionName}", "Qualifier": "{Qualifier}"},
        attributes={"FunctionArn": "{FunctionArn}", "FunctionUrl": "{FunctionUrl}"},
        renamed={"TargetFunctionArn": "FunctionName"},
        cleared={"Cors": {}, "InvokeMode": "BUFFERED"},
    ),
    "AWS::Lambda::Version": Version(),
}
