"""REST APIs as they are shown to people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.services.routes import ShownApi, ShownRoute

_AUTH = {"AWS_IAM": "IAM", "CUSTOM": "Lambda", "COGNITO_USER_POOLS": "Cognito"}


def shown(document: Mapping[str, Any], endpoint: str, region: str) -> list[ShownApi]:
    """Return an API, once for each of its stages.

    Args:
        document: The API as it is kept.
        endpoint: The emulator's own address.
        region: The API's.
    """
    api = document["api"]
    routes = sorted(
        _route(document, resource, name, method)
        for resource in document["resources"].values()
        for name, method in (resource.get("methods") or {}).items()
        if (method.get("methodIntegration") or {}).get("type") != "MOCK" or name != "OPTIONS"
    )
    routes.sort(key=lambda each: (each.path, each.method))
    port = endpoint.rpartition(":")[2]
    host = f"http://{api['id']}.execute-api.{region}.localhost:{port}"
    return [
        ShownApi(str(api["name"]), f"{host}/{stage}", routes)
        for stage in document.get("stages") or {}
    ]


def _route(
    document: Mapping[str, Any], resource: Mapping[str, Any], name: str, method: Mapping[str, Any]
) -> ShownRoute:
    integration = method.get("methodIntegration") or {}
    uri = str(integration.get("uri") or integration.get("type") or "")
    if ":function:" in uri:
        uri = uri.partition(":function:")[2].partition("/")[0]
    kind = str(method.get("authorizationType") or "NONE")
    held = document.get("authorizers") or {}
    authorizer = held.get(method.get("authorizerId", ""), {}).get("name", "")
    auth = "" if kind == "NONE" else f"{_AUTH.get(kind, kind)} {authorizer}".strip()
    if method.get("apiKeyRequired"):
        auth = f"{auth} API key".strip()
    return ShownRoute(name, str(resource["path"]), uri, auth)
