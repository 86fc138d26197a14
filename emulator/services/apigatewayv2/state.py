"""What API Gateway v2 keeps: APIs with their parts, domain names, links to private networks."""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.model.errors import AwsError
from emulator.registry.document_store import change
from emulator.registry.resource_table import ResourceTable
from emulator.services.apigatewayv2.connections import Connections
from emulator.services.apigatewayv2.errors import api_not_found

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts
    from emulator.services.routes import ShownApi

#: What is kept of a resource: members of the model, by their names there. Bodies are replaced, and
#: never changed in place, so that deployments may hold them.
Body = dict[str, Any]

HTTP, WEBSOCKET = "HTTP", "WEBSOCKET"
#: The kinds of parts that APIs have.
KINDS = (
    "authorizers",
    "deployments",
    "integrationresponses",
    "integrations",
    "models",
    "routeresponses",
    "routes",
    "stages",
)
#: The parts that a deployment holds as they were.
DEPLOYED = (
    "authorizers",
    "integrationresponses",
    "integrations",
    "models",
    "routeresponses",
    "routes",
)
#: The member of a deployment that holds what was deployed; it stands in no model.
SNAPSHOT = ".snapshot"
_LETTERS = string.ascii_lowercase + string.digits


class _Routes(dict[str, Body]):
    """Routes by their ids, found by their keys as well: a document may bring thousands.

    Attributes:
        ids: By the routes' keys.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ids: dict[str, str] = {}

    def __setitem__(self, route_id: str, route: Body) -> None:
        self._forget(route_id)
        self.ids[route["RouteKey"]] = route_id
        super().__setitem__(route_id, route)

    def pop(self, route_id: str, *default: Any) -> Any:
        """Remove a route."""
        self._forget(route_id)
        return super().pop(route_id, *default)

    def _forget(self, route_id: str) -> None:
        before = self.get(route_id)
        if before is not None and self.ids.get(before["RouteKey"]) == route_id:
            del self.ids[before["RouteKey"]]


class Api:
    """An API with its parts.

    Attributes:
        body: As it is kept.
        held: Its parts, by kind and id.
        changes: Counts what was changed in what a deployment holds, or in the API itself.
        deployed: ``changes`` at the last deployment that was made by itself.
        settling: Held while one is made.
    """

    __slots__ = (
        "_routes", "account", "body", "changes", "deployed", "held", "id", "region", "settling",
    )  # fmt: skip

    def __init__(self, account: str, region: str, body: Body) -> None:
        self.account, self.region, self.body = account, region, body
        self.id: str = body["ApiId"]
        self._routes = _Routes()
        self.held: dict[str, dict[str, Body]] = {kind: {} for kind in KINDS}
        self.held["routes"] = self._routes
        self.changes = self.deployed = 0
        self.settling = asyncio.Lock()

    @property
    def is_http(self) -> bool:
        """Whether it is an HTTP API; if not, it has WebSockets."""
        return bool(self.body["ProtocolType"] == HTTP)

    def stage(self, name: str) -> Body | None:
        """Return a stage."""
        return self.held["stages"].get(name)

    def route_id(self, key: str) -> str | None:
        """Return the id of the route with a key; None: there is none."""
        return self._routes.ids.get(key)

    def snapshot(self) -> dict[str, dict[str, Body]]:
        """Return what a deployment made now holds."""
        return {kind: dict(self.held[kind]) for kind in DEPLOYED}

    def is_deployed(self) -> bool:
        """Say whether the stages that are deployed by themselves serve the API as it is now."""
        now, deployments = self.snapshot(), self.held["deployments"]
        return all(
            (deployments.get(stage.get("DeploymentId", "")) or {}).get(SNAPSHOT) == now
            for stage in self.held["stages"].values()
            if stage.get("AutoDeploy")
        )


class ApiGateway:
    """The service's state; :func:`open` makes it.

    Attributes:
        apis: By their ids, which are unique in all accounts and regions.
        connections: The WebSockets that are open.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        documents = parts.documents
        self.apis: dict[str, Api] = {}
        self._apis = ResourceTable("apigatewayv2-api", documents)
        self._parts = ResourceTable("apigatewayv2-part", documents)
        self.domains = ResourceTable("apigatewayv2-domain", documents)
        self.mappings = ResourceTable("apigatewayv2-mapping", documents)
        self.links = ResourceTable("apigatewayv2-vpclink", documents)
        self.connections = Connections()

    async def open(self) -> None:
        """Bring back what was kept."""
        for table in (self._apis, self._parts, self.domains, self.mappings, self.links):
            await table.load()
        for account, region, _, body in self._apis.all():
            self.apis[body["ApiId"]] = Api(account, region, body)
        self.parts.hosts.apis.update(self.apis)
        for account, region, key, body in self._parts.all():
            api_id, kind, part_id = key.split("/", 2)
            if api_id in self.apis:
                self.apis[api_id].held[kind][part_id] = body
            else:  # it was made while its API was deleted
                await self._parts.delete(account, region, key)
        for api in self.apis.values():
            # What was changed after the last look is still to be deployed.
            api.changes = int(not api.is_deployed())
        for *_, name, _ in self.domains.all():
            self.parts.hosts.add(name)

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.ServiceState`."""
        for owner, _, name, _ in self.domains.all():
            if account in (None, owner):
                self.parts.hosts.remove(name)
        for table in (self._apis, self._parts, self.domains, self.mappings, self.links):
            table.clear(account)
        for api in [each for each in self.apis.values() if account in (None, each.account)]:
            del self.apis[api.id]
            self.parts.hosts.apis.discard(api.id)
            await self.connections.close_all(api.id)

    async def close(self) -> None:
        """Let go of everything: WebSockets end with the server."""

    def shown_apis(self) -> list[ShownApi]:
        """Return all APIs as they are shown to people."""
        from emulator.services.apigatewayv2.shown import shown

        return [each for api in self.apis.values() for each in shown(api)]

    # -- APIs -----------------------------------------------------------------------------------

    def api(self, account: str, region: str, api_id: str) -> Api:
        """Return an API.

        Raises:
            AwsError: NotFoundException.
        """
        api = self.apis.get(api_id)
        if api is None or (api.account, api.region) != (account, region):
            raise api_not_found(account, api_id)
        return api

    def apis_of(self, account: str, region: str) -> list[Api]:
        """Return an account's APIs in a region, in the order in which they were made."""
        here = (account, region)
        return [api for api in self.apis.values() if (api.account, api.region) == here]

    async def put_api(self, account: str, region: str, body: Body) -> Api:
        """Keep an API as it is now.

        Raises:
            AwsError: The disk did not take it.
        """
        api = self.apis.get(body["ApiId"])
        before = None if api is None else api.body
        if api is not None:
            # It is shown before the disk has it, so that a change made meanwhile builds on it.
            api.body = body
        try:
            await self._apis.put(account, region, body["ApiId"], body)
        except AwsError:
            if api is not None and api.body is body and before is not None:
                api.body = before
            raise
        if api is None:
            api = self.apis[body["ApiId"]] = Api(account, region, body)
            self.parts.hosts.apis.add(api.id)
        api.changes += 1
        return api

    async def drop_api(self, api: Api) -> None:
        """Remove an API with all that it has.

        Raises:
            AwsError: The disk did not take it.
        """
        here = (api.account, api.region)
        keys = [f"{api.id}/{kind}/{part_id}" for kind in KINDS for part_id in api.held[kind]]
        # All in one commit: an end between two would leave parts of nothing behind.
        await self._parts.delete_all(
            *here, keys, with_others=[change("apigatewayv2-api", *here, api.id, None)]
        )
        self._apis.drop(*here, api.id)
        self.apis.pop(api.id, None)
        self.parts.hosts.apis.discard(api.id)
        await self.connections.close_all(api.id)

    async def put(self, api: Api, kind: str, part_id: str, body: Body) -> None:
        """Keep a part of an API as it is now.

        Raises:
            AwsError: The disk did not take it.
        """
        key = f"{api.id}/{kind}/{part_id}"
        # It is shown before the disk has it, so that a change made meanwhile builds on it.
        api.held[kind][part_id] = body
        try:
            await self._parts.put(api.account, api.region, key, body)
        except AwsError:
            kept = self._parts.find(api.account, api.region, key)
            if kept is None:
                api.held[kind].pop(part_id, None)
            else:
                api.held[kind][part_id] = kept
            raise
        finally:
            if kind in DEPLOYED:
                api.changes += 1

    async def drop(self, api: Api, kind: str, part_id: str) -> None:
        """Remove a part of an API.

        Raises:
            AwsError: The disk did not take it.
        """
        await self._parts.delete(api.account, api.region, f"{api.id}/{kind}/{part_id}")
        api.held[kind].pop(part_id, None)
        if kind in DEPLOYED:
            api.changes += 1

    # -- domain names ---------------------------------------------------------------------------

    async def put_domain(self, account: str, region: str, name: str, body: Body) -> None:
        """Keep a domain name, and answer to it.

        Raises:
            AwsError: The disk did not take it.
        """
        is_new = self.domains.find(account, region, name) is None
        await self.domains.put(account, region, name, body)
        if is_new:
            self.parts.hosts.add(name)

    async def drop_domain(self, account: str, region: str, name: str) -> None:
        """Remove a domain name with its mappings.

        Raises:
            AwsError: The disk did not take it.
        """
        keys = [f"{name}/{m['ApiMappingId']}" for m in self.mappings_of(account, region, name)]
        domain = change("apigatewayv2-domain", account, region, name, None)
        await self.mappings.delete_all(account, region, keys, with_others=[domain])
        self.domains.drop(account, region, name)
        self.parts.hosts.remove(name)

    def mappings_of(self, account: str, region: str, name: str) -> Iterator[Body]:
        """Return the mappings of a domain name."""
        for key in list(self.mappings.keys(account, region)):
            if key.startswith(f"{name}/"):
                body = self.mappings.find(account, region, key)
                if body is not None:
                    yield body

    def mappings_by_name(self, name: str) -> Iterator[Body]:
        """Return the mappings of a domain name, whoever has it."""
        for *_, key, body in self.mappings.all():
            if key.startswith(f"{name}/"):
                yield body


def new_id(length: int, taken: Any = ()) -> str:
    """Return a random id in API Gateway's alphabet that is not taken."""
    while True:
        made = random.choice(string.ascii_lowercase) + "".join(
            random.choices(_LETTERS, k=length - 1)
        )
        if made not in taken:
            return made


async def open(parts: Parts) -> ApiGateway:
    """Open the service's state."""
    state = ApiGateway(parts)
    await state.open()
    return state


def of(context: Context) -> ApiGateway:
    """Return the state of a request."""
    state: ApiGateway = context.state
    return state
