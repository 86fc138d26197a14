"""APIs as they are shown to people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from emulator.services.routes import ShownApi, ShownRoute

Body = Mapping[str, Any]


class Api(Protocol):
    """What is shown of an API's state."""

    body: dict[str, Any]
    held: dict[str, dict[str, dict[str, Any]]]

    @property
    def is_http(self) -> bool:
        """Whether it is an HTTP API."""
        ...


def shown(api: Api) -> list[ShownApi]:
    """Return an API, once for each of its stages."""
    routes = sorted((_route(api, each) for each in api.held["routes"].values()), key=_order)
    found = []
    for name in api.held["stages"]:
        stage = "" if name == "$default" else f"/{name}"
        found.append(ShownApi(api.body["Name"], f"{api.body['ApiEndpoint']}{stage}", routes))
    return found


def _order(route: ShownRoute) -> tuple[bool, str, str]:
    return (route.path.startswith("$"), route.path, route.method)


def _route(api: Api, route: Body) -> ShownRoute:
    method, _, path = str(route["RouteKey"]).partition(" ")
    integration = api.held["integrations"].get(str(route.get("Target", "")).rpartition("/")[2], {})
    return ShownRoute(
        method if path else "ANY" if api.is_http else "MESSAGE",
        path or method,
        _target(integration),
        _auth(api, route),
    )


def _target(integration: Body) -> str:
    if integration.get("IntegrationSubtype"):
        return str(integration["IntegrationSubtype"])
    uri = str(integration.get("IntegrationUri") or "")
    if ":function:" in uri:
        return uri.partition(":function:")[2].partition("/")[0]
    return uri or str(integration.get("IntegrationType", ""))


def _auth(api: Api, route: Body) -> str:
    kind = route.get("AuthorizationType", "NONE")
    if kind == "NONE":
        return ""
    if kind == "AWS_IAM":
        return "IAM"
    name = api.held["authorizers"].get(route.get("AuthorizerId", ""), {}).get("Name", "")
    return f"{'JWT' if kind == 'JWT' else 'Lambda'} {name}".strip()
