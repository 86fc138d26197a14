"""Keeps the registry's documents in the store's table, or nowhere."""

from __future__ import annotations

from typing import Any

from emulator.model.errors import AwsError, StorageError
from emulator.store.documents import Change, Document, Documents


class DocumentStore:
    """Writes through to the store.

    Args:
        documents: The store's table; None keeps nothing, for state that ends with the process.
    """

    def __init__(self, documents: Documents | None = None) -> None:
        self._documents = documents

    @property
    def lasting(self) -> bool:
        """Whether documents outlive the emulator."""
        return self._documents is not None

    async def write(self, *changes: Change) -> None:
        """Make all ``changes`` or none; they outlive a power cut once this returns.

        Raises:
            AwsError: ServiceException (500): the disk refused the write.
        """
        if self._documents is None or not changes:
            return
        try:
            await self._documents.write(*changes)
        except StorageError as error:
            raise AwsError(
                "ServiceException", f"The change was not kept: {error}", status=500
            ) from error

    async def clear(self, account: str | None) -> None:
        """Delete all documents, or all of one account.

        Raises:
            StorageError: The disk refused the write.
        """
        if self._documents is not None:
            await self._documents.clear(account)

    async def has(self, kind: str) -> bool:
        """Say whether a document of ``kind`` is stored."""
        return self._documents is not None and await self._documents.has(kind)

    async def load(self, kind: str) -> list[Document]:
        return [] if self._documents is None else await self._documents.load_all(kind)


def change(kind: str, account: str, region: str, key: str, body: Any) -> Change:
    """Return a change to one document; a body of None removes it."""
    return Change(kind=kind, account=account, region=region, key=key, body=body)
