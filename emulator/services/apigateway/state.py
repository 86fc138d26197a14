"""What API Gateway keeps: one document for each API, each deployment's snapshot, each key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.model.clock import SystemClock
from emulator.registry.document_store import change
from emulator.registry.resource_table import ResourceTable
from emulator.services.apigateway.bounded import BoundedWorker
from emulator.services.apigateway.documents import Document
from emulator.services.apigateway.errors import not_found
from emulator.services.apigateway.shown import shown
from emulator.services.apigateway.tables import KeyTable, PlanTable
from emulator.services.apigateway.usage import Usage

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts
    from emulator.services.routes import ShownApi

#: The parts of an API that a deployment keeps as they are.
DEPLOYED = ("authorizers", "gatewayResponses", "models", "resources", "validators")


class Gateway:
    """The service's state.

    Attributes:
        apis: By id: ``api`` (as it was created), and by their identifiers ``resources`` (with
            their ``methods``), ``models``, ``validators``, ``authorizers``, ``gatewayResponses``,
            ``documentation``, ``documentationVersions``, ``deployments`` and ``stages``.
        snapshots: By "api/deployment": what the API was when it was deployed.
        keys, plans, domains, certificates, vpc_links, accounts: By their identifiers.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        kept = parts.documents
        self.apis = ResourceTable("apigateway-api", kept)
        self.snapshots = ResourceTable("apigateway-deployment", kept)
        self.keys = KeyTable("apigateway-key", kept)
        self.plans = PlanTable("apigateway-plan", kept)
        self.domains = ResourceTable("apigateway-domain", kept)
        self.certificates = ResourceTable("apigateway-certificate", kept)
        self.vpc_links = ResourceTable("apigateway-vpclink", kept)
        self.accounts = ResourceTable("apigateway-account", kept)
        self._tables = (
            self.apis, self.snapshots, self.keys, self.plans, self.domains, self.certificates,
            self.vpc_links, self.accounts,
        )  # fmt: skip
        #: How often keys were used.
        self.usage = Usage(parts.clock)
        #: Renders and matches what may never end; no work takes longer because a clock has jumped.
        self.bounded = BoundedWorker(SystemClock())
        #: How often what a stage's authorizers have decided was forgotten.
        self.epochs: dict[tuple[str, str], int] = {}
        #: Account and region of each API, by its id.
        self._places: dict[str, tuple[str, str]] = {}

    async def open(self) -> None:
        """Bring back what was kept."""
        for table in self._tables:
            await table.load()
        self._places = {key: (account, region) for account, region, key, _ in self.apis.all()}
        self.parts.hosts.apis.update(self._places)
        for _, _, name, _ in self.domains.all():
            self.parts.hosts.add(name)

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.ServiceState`."""
        for owner, _, name, _ in self.domains.all():
            if account in (None, owner):
                self.parts.hosts.remove(name)
        for table in self._tables:
            table.clear(account)
        self.parts.hosts.apis.difference_update(self._places)
        self._places = {key: (owner, region) for owner, region, key, _ in self.apis.all()}
        self.parts.hosts.apis.update(self._places)

    async def close(self) -> None:
        """Let go of the process for work with bounds: each change was kept when it was made."""
        await self.bounded.close()

    def shown_apis(self) -> list[ShownApi]:
        """Return all APIs as they are shown to people."""
        endpoint = self.parts.table.endpoint
        return [
            each for _, region, _, api in self.apis.all() for each in shown(api, endpoint, region)
        ]

    def forget_decisions(self, api_id: str, stage: str) -> None:
        """Have a stage's authorizers asked again."""
        self.epochs[api_id, stage] = self.epochs.get((api_id, stage), 0) + 1

    def place(self, api_id: str) -> tuple[str, str] | None:
        """Return the account and region of an API; None if there is none."""
        return self._places.get(api_id)

    async def put_api(self, account: str, region: str, api: Document) -> None:
        """Keep an API."""
        key = api["api"]["id"]
        await self.apis.put(account, region, key, api)
        self._places[key] = (account, region)
        self.parts.hosts.apis.add(key)

    async def delete_api(self, account: str, region: str, api_id: str) -> None:
        """Remove an API and its snapshots."""
        prefix = f"{api_id}/"
        keys = [k for k in self.snapshots.keys(account, region) if k.startswith(prefix)]
        api = change("apigateway-api", account, region, api_id, None)
        await self.snapshots.delete_all(account, region, keys, with_others=[api])
        self.apis.drop(account, region, api_id)
        self._places.pop(api_id, None)
        self.parts.hosts.apis.discard(api_id)


async def open(parts: Parts) -> Gateway:
    """Open the service's state."""
    state = Gateway(parts)
    await state.open()
    return state


def of(context: Context) -> Gateway:
    """Return the state of a request."""
    state: Gateway = context.state
    return state


def api_of(context: Context, api_id: str) -> Document:
    """Return an API of the caller's.

    Raises:
        AwsError: It has none of this id.
    """
    found = of(context).apis.find(context.account, context.region, api_id)
    if found is None:
        raise not_found(f"Invalid API identifier specified {context.account}:{api_id}")
    return found


async def keep_api(context: Context, api: Document) -> None:
    """Keep an API of the caller's as it is now."""
    await of(context).put_api(context.account, context.region, api)


def listed(table: ResourceTable, context: Context) -> list[dict[str, Any]]:
    """Return what a table has of the caller's account and region, oldest first."""
    keys = table.keys(context.account, context.region)
    found = [table.find(context.account, context.region, key) or {} for key in keys]
    return sorted(found, key=lambda each: each.get("createdDate") or 0.0)
