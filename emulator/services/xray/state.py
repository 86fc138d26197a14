"""What X-Ray keeps beside traces: groups, sampling rules, policies, and settings of accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.registry.resource_table import ResourceTable

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts
    from emulator.telemetry.traces.tracing import Tracing


class XRay:
    """The service's state."""

    def __init__(self, parts: Parts) -> None:
        documents = parts.documents
        #: By name: ``arn``, ``filter``, ``insights``, ``tags``.
        self.groups = ResourceTable("xray-group", documents)
        #: By name: ``rule`` as the API has it, ``created_at``, ``modified_at``, ``tags``.
        self.rules = ResourceTable("xray-rule", documents)
        #: By name: ``document``, ``revision``, ``updated_at``.
        self.policies = ResourceTable("xray-policy", documents)
        #: "encryption", "destination", "indexing".
        self.settings = ResourceTable("xray-settings", documents)
        self.tracing: Tracing = parts.tracing

    async def open(self) -> None:
        """Bring back what was kept."""
        for table in (self.groups, self.rules, self.policies, self.settings):
            await table.load()

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.ServiceState`."""
        for table in (self.groups, self.rules, self.policies, self.settings):
            table.clear(account)

    async def close(self) -> None:
        """Let go of everything."""


async def open(parts: Parts) -> XRay:
    """Open the service's state."""
    state = XRay(parts)
    await state.open()
    return state


def of(context: Context) -> XRay:
    """Return the state of a request."""
    state: XRay = context.state
    return state


def setting(context: Context, name: str) -> dict[str, Any]:
    """Return what an account has set; empty where it has set nothing."""
    return dict(of(context).settings.find(context.account, context.region, name) or {})
