"""What ECR keeps: repositories, and the documents of a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.registry.resource_table import ResourceTable

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts

Repository = dict[str, Any]
#: The documents of a registry by what they are: "policy", "replication", "scanning", settings.
Registry = dict[str, Any]


class Repositories:
    """The service's state."""

    def __init__(self, parts: Parts) -> None:
        self.repositories = ResourceTable("ecr-repository", parts.documents)
        self._registries = ResourceTable("ecr-registry", parts.documents)

    async def open(self) -> None:
        """Bring back what was kept."""
        await self.repositories.load()
        await self._registries.load()

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.State`."""
        self.repositories.clear(account)
        self._registries.clear(account)

    async def close(self) -> None:
        """Let go of everything."""

    def registry(self, account: str, region: str) -> Registry:
        """Return the documents of an account's registry in a region."""
        return self._registries.find(account, region, "registry") or {}

    async def put_registry(self, account: str, region: str, registry: Registry) -> None:
        """Keep the documents of a registry."""
        await self._registries.put(account, region, "registry", registry)


async def open(parts: Parts) -> Repositories:
    """Open the service's state."""
    state = Repositories(parts)
    await state.open()
    return state


def of(context: Context) -> Repositories:
    """Return the state of a request."""
    state: Repositories = context.state
    return state
