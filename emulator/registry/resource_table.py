"""Resources that belong to no function: layers, mappings, code signing, capacity providers."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from emulator.model.errors import AwsError
from emulator.registry.document_store import DocumentStore, change
from emulator.store.documents import Change

Body = dict[str, Any]


class ResourceTable:
    """Resources of one kind: JSON documents by account, region and key.

    Args:
        kind: The name of the kind in the store.
        documents: The store.
        alike: What of a key is to be found by :meth:`is_taken`: its name in small letters, say.
    """

    def __init__(
        self, kind: str, documents: DocumentStore, *, alike: Callable[[str], str] | None = None
    ) -> None:
        self._kind = kind
        self._alike = alike
        #: How many keys have it in common: a store of an earlier release may have several.
        self._taken: dict[tuple[str, str], Counter[str]] = {}
        self._documents = documents
        self._scopes: dict[tuple[str, str], dict[str, Body]] = {}
        self._sorted: dict[tuple[str, str], list[str]] = {}

    def find(self, account: str, region: str, key: str) -> Body | None:
        return self._scopes.get((account, region), {}).get(key)

    def is_taken(self, account: str, region: str, key: str) -> bool:
        """Say whether a resource has a key that is ``alike``."""
        assert self._alike is not None
        return self._alike(key) in self._taken.get((account, region), ())

    def keys(self, account: str, region: str) -> list[str]:
        """Return the sorted keys of an account and region; callers must not change the list."""
        return self._sorted.get((account, region), [])

    def all(self) -> list[tuple[str, str, str, Body]]:
        """Return account, region, key and body of every resource."""
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
            account: The resource's account.
            region: The resource's region.
            key: The resource's key.
            body: The resource.
            settled: The body to store where ``body`` is a transition, which a restart ends.

        Raises:
            AwsError: ServiceException: the disk did not take it, and the table is as before.
        """
        before = self.find(account, region, key)
        self._set(account, region, key, body)
        stored = body if settled is None else settled
        try:
            await self._documents.write(change(self._kind, account, region, key, stored))
        except AwsError:
            # Unless another call has changed it meanwhile.
            if self.find(account, region, key) is body:
                if before is None:
                    self.drop(account, region, key)
                else:
                    self._set(account, region, key, before)
            raise

    def settle(self, account: str, region: str, key: str, body: Body) -> None:
        """Show the state that :meth:`put` or :meth:`delete` has already stored."""
        if self.find(account, region, key) is not None:
            self._set(account, region, key, body)

    async def delete(self, account: str, region: str, key: str, last: Body | None = None) -> None:
        """Delete a resource.

        Args:
            account: The resource's account.
            region: The resource's region.
            key: The resource's key.
            last: The body to show until :meth:`drop`; without, the resource is gone at once.

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

    async def delete_all(
        self, account: str, region: str, keys: Sequence[str], *, with_others: Iterable[Change] = ()
    ) -> None:
        """Delete resources, all or none.

        Args:
            account: The resources' account.
            region: The resources' region.
            keys: The resources' keys.
            with_others: What the same commit changes elsewhere.

        Raises:
            AwsError: ServiceException: the disk did not take it, and they are still there.
        """
        removed = [change(self._kind, account, region, key, None) for key in keys]
        await self._documents.write(*removed, *with_others)
        for key in keys:
            self.drop(account, region, key)

    def drop(self, account: str, region: str, key: str) -> None:
        """Stop showing a resource that was deleted."""
        scope = (account, region)
        if self._scopes.get(scope, {}).pop(key, None) is not None:
            names = self._sorted[scope]
            del names[bisect_left(names, key)]
            if self._alike is not None:
                taken, like = self._taken[scope], self._alike(key)
                taken[like] -= 1
                if not taken[like]:
                    del taken[like]

    def clear(self, account: str | None) -> None:
        """Forget all resources, or all of one account: a reset. It clears the store at once."""
        for scope in [each for each in self._scopes if account in (None, each[0])]:
            del self._scopes[scope]
            self._sorted.pop(scope, None)
            self._taken.pop(scope, None)

    async def load(self) -> None:
        for document in await self._documents.load(self._kind):
            self._set(document.account, document.region, document.key, document.body)

    def _set(self, account: str, region: str, key: str, body: Body) -> None:
        scope = (account, region)
        held = self._scopes.setdefault(scope, {})
        if key not in held:
            insort(self._sorted.setdefault(scope, []), key)
            if self._alike is not None:
                self._taken.setdefault(scope, Counter())[self._alike(key)] += 1
        held[key] = body
