"""What a resource type is given: a resource as a template wants it, and a way to call services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from emulator.stack.names import physical_name


class Call(Protocol):
    """Calls operations for one account and region, as a client would."""

    account: str
    region: str

    async def __call__(
        self, service: str, operation: str, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Do an operation.

        Raises:
            AwsError: The error that a client would get.
        """
        ...

    def fit(self, service: str, operation: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``values`` in the types of the operation's members; others are left out."""
        ...

    def at(self, region: str) -> Call:
        """Return what calls operations in another region."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A resource as a template wants it."""

    kind: str
    logical: str
    properties: Mapping[str, Any]
    stack_name: str
    stack_id: str
    #: Names are derived from it: the stack's id and a part that each replacement changes.
    seed: str
    #: The stack's tags.
    tags: Mapping[str, str] = field(default_factory=dict)

    def name(self, given: str, *, longest: int = 64, lower: bool = False) -> str:
        """Return the name of the resource: the property ``given``, else a generated one."""
        own = self.properties.get(given)
        if own:
            return str(own)
        return physical_name(self.stack_name, self.logical, self.seed, longest=longest, lower=lower)
