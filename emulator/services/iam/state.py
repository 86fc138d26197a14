"""What IAM keeps: entities of a few kinds, for all regions of an account at once."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emulator.registry.resource_table import ResourceTable

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts

#: The kinds of entities, and the prefix of their ids.
KINDS = {
    "role": "AROA",
    "user": "AIDA",
    "group": "AGPA",
    "policy": "ANPA",
    "instance-profile": "AIPA",
    "provider": "",
    "account": "",
}
#: IAM knows no regions.
_REGION = ""
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

Entity = dict[str, Any]


class Iam:
    """The service's state."""

    def __init__(self, parts: Parts) -> None:
        self._tables = {
            kind: ResourceTable(f"iam-{kind}", parts.documents, alike=_name_of) for kind in KINDS
        }

    async def open(self) -> None:
        """Bring back what was kept."""
        for table in self._tables.values():
            await table.load()

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.State`."""
        for table in self._tables.values():
            table.clear(account)

    async def close(self) -> None:
        """Let go of everything."""

    def find(self, account: str, kind: str, key: str) -> Entity | None:
        """Return an entity by its key: a name, or a policy's ARN."""
        return self._tables[kind].find(account, _REGION, key)

    def is_taken(self, account: str, kind: str, name: str) -> bool:
        """Return whether an entity has this name, in whatever case."""
        return self._tables[kind].is_taken(account, _REGION, name)

    def all(self, account: str, kind: str) -> list[Entity]:
        """Return an account's entities of one kind, by their keys."""
        table = self._tables[kind]
        found = (table.find(account, _REGION, key) for key in table.keys(account, _REGION))
        return [each for each in found if each is not None]

    async def put(self, account: str, kind: str, key: str, entity: Mapping[str, Any]) -> None:
        """Keep an entity."""
        await self._tables[kind].put(account, _REGION, key, dict(entity))

    async def delete(self, account: str, kind: str, key: str) -> None:
        """Remove an entity."""
        await self._tables[kind].delete(account, _REGION, key)


def _name_of(key: str) -> str:
    """Return what must be unique of a key: a policy's is its ARN."""
    return key.rpartition("/")[2].lower()


def new_id(kind: str) -> str:
    """Return an id for a new entity."""
    return KINDS[kind] + "".join(secrets.choice(_ALPHABET) for _ in range(17))


async def open(parts: Parts) -> Iam:
    """Open the service's state."""
    state = Iam(parts)
    await state.open()
    return state


def of(context: Context) -> Iam:
    """Return the state of a request."""
    state: Iam = context.state
    return state
