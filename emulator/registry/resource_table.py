"""Resources that belong to no function: layers, mappings, code signing, capacity providers."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any

from emulator.model.errors import AwsError
from emulator.registry.document_store import DocumentStore, change

Body = dict[str, Any]


class ResourceTable:
    """Resources of one kind: JSON documents by account, region and key.

    Args:
        kind: The name of the kind in the store.
    """

    def __init__(self, kind: str, documents: DocumentStore) -> None:
        self._kind = kind
        self._documents = documents
        self._scopes: dict[tuple[str, str], dict[str, Body]] = {}
        self._sorted: dict[tuple[str, str], list[str]] = {}

    def find(self, account: str, region: str, key: str) -> Body | None:
        return self._scopes.get((account, region), {}).get(key)

    def keys(self, account: str, region: str) -> list[str]:
        """Return the keys of a scope, sorted. Not to be changed."""
        return self._sorted.get((account, region), [])

    def all(self) -> list[tuple[str, str, str, Body]]:
        """Return account, region, key and body of everything."""
        return [
            (*scope, key, body)
            for scope, held in self._scopes.items()
            for key, body in held.items()
        ]

    async def put(
        self, account: str, region: str, key: str, body: Body, *, settled: Body | None = None
    ) -> None:
        """Add or replace a resource.

        Args:
            account: The resource's.
            region: The resource's.
            key: The resource's.
            body: The resource.
            settled: What is kept instead of ``body`` where that is a state on the way, which a
                restart ends.

        Raises:
            AwsError: It could not be kept.
        """
        self._set(account, region, key, body)
        kept = body if settled is None else settled
        await self._documents.write(change(self._kind, account, region, key, kept))

    def settle(self, account: str, region: str, key: str, body: Body) -> None:
        """Show a state that :meth:`put` or :meth:`delete` has already kept."""
        if self.find(account, region, key) is not None:
            self._set(account, region, key, body)

    async def delete(self, account: str, region: str, key: str, last: Body | None = None) -> None:
        """Remove a resource for good.

        Args:
            account: The resource's.
            region: The resource's.
            key: The resource's.
            last: What it looks like until :meth:`drop`; without, it is gone at once.

        Raises:
            AwsError: ServiceException: the disk did not take it, and it is still there.
        """
        before = self.find(account, region, key)
        if last is not None:
            self._set(account, region, key, last)
        else:
            self.drop(account, region, key)
        try:
            await self._documents.write(change(self._kind, account, region, key, None))
        except AwsError:
            if before is not None and self.find(account, region, key) in (None, last):
                self._set(account, region, key, before)
            raise

    def drop(self, account: str, region: str, key: str) -> None:
        """Forget a resource that is kept no more."""
        scope = (account, region)
        if self._scopes.get(scope, {}).pop(key, None) is not None:
            names = self._sorted[scope]
            del names[bisect_left(names, key)]

    async def load(self) -> None:
        for document in await self._documents.load(self._kind):
            self._set(document.account, document.region, document.key, document.body)

    def _set(self, account: str, region: str, key: str, body: Body) -> None:
        scope = (account, region)
        held = self._scopes.setdefault(scope, {})
        if key not in held:
            insort(self._sorted.setdefault(scope, []), key)
        held[key] = body
