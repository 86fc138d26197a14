"""Stages: under which name a deployment is served, and how.

https://docs.aws.amazon.com/apigateway/latest/api/API_Stage.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.services.apigateway.documents import Document, drop, pick, put
from emulator.services.apigateway.errors import bad_request, conflict, found
from emulator.services.apigateway.patch import (
    Field,
    Read,
    apply,
    boolean,
    decimal,
    number,
    one_of,
    unescaped,
)
from emulator.services.apigateway.state import api_of, keep_api, of
from emulator.services.context import Context, Request, Response

#: Gigabytes.
CACHE_SIZES = ("0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237")
FIELDS = (
    Field("/deploymentId"),
    Field("/description"),
    Field("/cacheClusterEnabled", "replace", boolean),
    Field("/cacheClusterSize", "replace", one_of(*CACHE_SIZES)),
    Field("/clientCertificateId"),
    Field("/documentationVersion"),
    Field("/accessLogSettings", "remove"),
    Field("/accessLogSettings/destinationArn", "add remove replace"),
    Field("/accessLogSettings/format", "add remove replace"),
    Field("/tracingEnabled", "replace", boolean),
    Field("/variables/{name}", "add remove replace"),
    Field("/canarySettings", "remove"),
    Field("/canarySettings/deploymentId"),
    Field("/canarySettings/percentTraffic", "replace", decimal),
    Field("/canarySettings/useStageCache", "replace", boolean),
    Field("/canarySettings/stageVariableOverrides/{name}", "add remove replace"),
)
#: The settings of methods: their paths end with one of these.
SETTINGS: dict[str, tuple[str, Read]] = {
    "metrics/enabled": ("metricsEnabled", boolean),
    "logging/dataTrace": ("dataTraceEnabled", boolean),
    "logging/loglevel": ("loggingLevel", one_of("OFF", "ERROR", "INFO")),
    "throttling/burstLimit": ("throttlingBurstLimit", number),
    "throttling/rateLimit": ("throttlingRateLimit", decimal),
    "caching/ttlInSeconds": ("cacheTtlInSeconds", number),
    "caching/enabled": ("cachingEnabled", boolean),
    "caching/dataEncrypted": ("cacheDataEncrypted", boolean),
    "caching/requireAuthorizationForCacheControl": (
        "requireAuthorizationForCacheControl",
        boolean,
    ),
    "caching/unauthorizedCacheControlHeaderStrategy": (
        "unauthorizedCacheControlHeaderStrategy",
        one_of("FAIL_WITH_403", "SUCCEED_WITH_RESPONSE_HEADER", "SUCCEED_WITHOUT_RESPONSE_HEADER"),
    ),
}
#: What a method has that only some settings were made of.
DEFAULT_SETTINGS = {
    "metricsEnabled": False,
    "dataTraceEnabled": False,
    "throttlingBurstLimit": 5000,
    "throttlingRateLimit": 10000.0,
    "cachingEnabled": False,
    "cacheTtlInSeconds": 300,
    "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}
_METHOD = r"(?P<path>.+)/(?P<method>GET|PUT|POST|DELETE|PATCH|OPTIONS|HEAD|ANY|\*)"
_SETTING = re.compile(rf"/{_METHOD}/(?P<name>\w+/\w+)")
_SETTINGS_OF = re.compile(rf"/{_METHOD}")
#: As API Gateway lists what can be patched: some commas are missing.
_PATHS = (
    ", ".join([
        "/deploymentId", "/description", "/cacheClusterEnabled", "/cacheClusterSize",
        "/clientCertificateId", "/accessLogSettings", "/accessLogSettings/destinationArn",
        "/accessLogSettings/format",
        *(f"/{{resourcePath}}/{{httpMethod}}/{name}" for name in SETTINGS),
        *(f"/*/*/{name}" for name in SETTINGS),
        "/variables/{variable_name}", "/tracingEnabled",
    ])
    .replace("burstLimit, /{", "burstLimit/{")
    .replace("rateLimit, /{", "rateLimit/{")
    .replace("burstLimit, /*", "burstLimit /*")
    .replace("rateLimit, /*", "rateLimit /*")
)  # fmt: skip
#: As it lists the settings of methods where one of those is meant.
_SETTING_NAMES = ", ".join(f".../{name}" for name in SETTINGS).replace(
    "loglevel, ...", "loglevel,..."
)
_COPY_TO = {
    "/canarySettings/deploymentId": "/deploymentId",
    "/canarySettings/stageVariableOverrides": "/variables",
}


def check_name(name: str) -> None:
    """Check the name of a stage.

    Raises:
        AwsError: It can't be one.
    """
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}|\$default", name):
        raise bad_request("Stage name only allows a-zA-Z0-9_-")


def new_stage(api: Document, given: Mapping[str, Any], now: float) -> Document:
    """Return a stage as it is kept.

    Raises:
        AwsError: It can't be one.
    """
    check_name(given["stageName"])
    stage: Document = {
        "stageName": given["stageName"],
        "deploymentId": given["deploymentId"],
        "cacheClusterEnabled": bool(given.get("cacheClusterEnabled")),
        "tracingEnabled": bool(given.get("tracingEnabled")),
        "methodSettings": {},
        "createdDate": int(now),
        "lastUpdatedDate": int(now),
        **pick(given, ("variables", "documentationVersion", "tags")),
    }
    if given.get("description"):
        stage["description"] = given["description"]
    if given.get("canarySettings") is not None:
        stage["canarySettings"] = _canary(stage, given["canarySettings"])
    if stage["cacheClusterEnabled"]:
        stage["cacheClusterSize"] = given.get("cacheClusterSize") or "0.5"
    check(api, stage)
    return _with_cache_status(stage)


def check(api: Mapping[str, Any], stage: Mapping[str, Any]) -> None:
    """Check what a stage refers to, and its variables.

    Raises:
        AwsError: Something in it is invalid.
    """
    canary = stage.get("canarySettings") or {}
    used = (stage["deploymentId"], canary.get("deploymentId"))
    if any(each not in (api.get("deployments") or {}) for each in used if each is not None):
        raise bad_request("Deployment id does not exist")
    _check_variables(stage.get("variables"))
    _check_variables(canary.get("stageVariableOverrides"))
    if not 0 <= (canary.get("percentTraffic") or 0) <= 100:
        raise bad_request("Canary percent traffic must be between 0.0 and 100.0")


def _with_cache_status(stage: Document) -> Document:
    enabled = stage["cacheClusterEnabled"]
    return {**stage, "cacheClusterStatus": "AVAILABLE" if enabled else "NOT_AVAILABLE"}


def _canary(stage: Mapping[str, Any], given: Mapping[str, Any]) -> Document:
    return {
        "deploymentId": stage["deploymentId"],
        "percentTraffic": 0.0,
        "useStageCache": False,
        **pick(
            given, ("deploymentId", "percentTraffic", "useStageCache", "stageVariableOverrides")
        ),
    }


def _check_variables(variables: Mapping[str, str] | None) -> None:
    for name, value in (variables or {}).items():
        if not re.fullmatch(r"\w+", name):
            raise bad_request(
                f"Stage variable name {name} is invalid. Please use alphanumeric characters and "
                "underscores."
            )
        if not re.fullmatch(r"[A-Za-z0-9\-._~:/?#&=,]*", value):
            raise bad_request(
                f"Stage variable value {value} is invalid. Please use values with alphanumeric "
                "characters and the symbols ' ', -', '.', '_', ':', '/', '?', '&', '=', and ','."
            )


def stage_of(api: Mapping[str, Any], name: str) -> Document:
    """Return a stage of an API.

    Raises:
        AwsError: There is none of this name.
    """
    return found(api.get("stages") or {}, name, "stage")


async def create_stage(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateStage.html."""
    api = api_of(ctx, request["restApiId"])
    if request["stageName"] in (api.get("stages") or {}):
        raise conflict("Stage already exists")
    stage = new_stage(api, request, ctx.clock.now())
    await keep_api(ctx, put(api, ["stages", stage["stageName"]], stage))
    return stage


async def get_stage(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetStage.html."""
    return stage_of(api_of(ctx, request["restApiId"]), request["stageName"])


async def get_stages(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetStages.html."""
    api = api_of(ctx, request["restApiId"])
    stages = (api.get("stages") or {}).values()
    wanted = request.get("deploymentId")
    return {"item": [each for each in stages if wanted in (None, each["deploymentId"])]}


async def delete_stage(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteStage.html."""
    api = api_of(ctx, request["restApiId"])
    stage_of(api, request["stageName"])
    await keep_api(ctx, drop(api, ["stages", request["stageName"]]))
    return {}


async def flush_stage_cache(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_FlushStageCache.html."""
    stage_of(api_of(ctx, request["restApiId"]), request["stageName"])
    return {}


async def flush_stage_authorizers_cache(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_FlushStageAuthorizersCache.html."""
    stage_of(api_of(ctx, request["restApiId"]), request["stageName"])
    of(ctx).forget_decisions(request["restApiId"], request["stageName"])
    return {}


async def update_stage(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateStage.html."""
    api = api_of(ctx, request["restApiId"])
    stage = patched(api, stage_of(api, request["stageName"]), request.get("patchOperations") or ())
    stage = _with_cache_status({**stage, "lastUpdatedDate": int(ctx.clock.now())})
    await keep_api(ctx, put(api, ["stages", request["stageName"]], stage))
    return stage


def patched(api: Document, stage: Document, operations: Sequence[Mapping[str, Any]]) -> Document:
    """Return a stage after patch operations.

    Raises:
        AwsError: One of them is not for a stage, or refers to nothing.
    """
    for each in operations:
        path = each.get("path") or ""
        if each.get("op") == "copy":
            stage = _copied(stage, path, each.get("from") or "")
        elif match := _SETTING.fullmatch(path):
            stage = _set(stage, match, each)
        elif each.get("op") == "remove" and (match := _SETTINGS_OF.fullmatch(path)):
            key = _setting_key(match)
            if key not in (stage.get("methodSettings") or {}):
                raise bad_request(
                    f"Cannot remove method setting {key} because there is no method setting for "
                    "this method "
                )
            stage = drop(stage, ["methodSettings", key])
        else:
            if path.startswith("/canarySettings/") and "canarySettings" not in stage:
                stage = {**stage, "canarySettings": _canary(stage, {})}
            if not any(field.match(path) is not None for field in FIELDS):
                raise bad_request(
                    f"Invalid method setting path: {path}. Must be one of: [{_PATHS}]"
                )
            stage = apply(stage, [each], FIELDS)
    check(api, stage)
    return stage


def _copied(stage: Document, path: str, source: str) -> Document:
    """Return a stage that has taken over a part of its canary."""
    if _COPY_TO.get(source) != path:
        raise bad_request(
            f"Invalid copy operation with path: {path} and from {source}. Valid copy:path are "
            "[/deploymentId, /variables] and valid copy:from are [/canarySettings/deploymentId, "
            "/canarySettings/stageVariableOverrides]"
        )
    canary = stage.get("canarySettings")
    if canary is None:
        raise bad_request("Promotion not available. Canary does not exist.")
    if path == "/deploymentId":
        return {**stage, "deploymentId": canary["deploymentId"]}
    variables = {**(stage.get("variables") or {}), **(canary.get("stageVariableOverrides") or {})}
    return {**stage, "variables": variables} if variables else stage


def _setting_key(match: re.Match[str]) -> str:
    path = match["path"] if match["path"] == "*" else unescaped(match["path"]).lstrip("/")
    return f"{path}/{match['method']}"


def _set(stage: Document, match: re.Match[str], operation: Mapping[str, Any]) -> Document:
    found = SETTINGS.get(match["name"])
    if found is None:
        # In these words: https://github.com/aws/aws-sdk-java/issues/1823
        raise bad_request(
            f"Invalid method setting path: {match['name']}. Must be one of: [{_SETTING_NAMES}]"
        )
    name, read = found
    key = _setting_key(match)
    held = (stage.get("methodSettings") or {}).get(key) or DEFAULT_SETTINGS
    if operation.get("op") == "remove":
        value = DEFAULT_SETTINGS.get(name)
    else:
        value = read(operation.get("value"), operation["path"])
    settings = {**held, name: value}
    if value is None:
        del settings[name]
    return put(stage, ["methodSettings", key], settings)
