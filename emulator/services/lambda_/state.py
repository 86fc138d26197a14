"""What Lambda keeps is the registry's, and is there from the start; this resets it."""

from __future__ import annotations

from emulator.services.context import Parts


class Functions:
    """Functions, what hangs on them, layers, mappings and the like.

    Args:
        parts: The parts of the emulator.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.State`. Calls in flight end by themselves."""
        parts, registry = self._parts, self._parts.registry
        for owner, _, key, _ in registry.mappings.all():
            if account in (None, owner):
                # Batches in flight are not waited for.
                parts.spawn(parts.sources.apply(key, None))
        for function in registry.all():
            if account in (None, function.latest.account):
                registry.remove(function)
        registry.number_anew(account)
        for table in (
            registry.mappings,
            registry.layers,
            registry.code_signing,
            registry.capacity_providers,
        ):
            table.clear(account)
        await parts.asynchronous.failures.clear(account)

    async def close(self) -> None:
        """Let go of nothing: the registry is not this service's own."""


async def open(parts: Parts) -> Functions:
    """Return the state."""
    return Functions(parts)
