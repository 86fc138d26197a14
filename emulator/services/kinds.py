"""What a service says of a resource type of templates, in its ``kinds.py``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Call(Protocol):
    """Does one operation for a stack's account and region.

    See :meth:`emulator.services.table.Table.call`.
    """

    def __call__(
        self, service: str, operation: str, request: Mapping[str, Any]
    ) -> Awaitable[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that was made from a template."""

    #: Its physical id, which ``Ref`` gives.
    id: str
    #: What ``Fn::GetAtt`` gives, by name.
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How resources of one type are made, changed and removed: by operations of the API.

    Each raises the AwsError of the operation that failed.
    """

    #: (call, properties): makes one.
    create: Callable[[Call, Mapping[str, Any]], Awaitable[Resource]]
    #: (call, resource, properties): changes one to other properties, and returns it as it is then.
    update: Callable[[Call, Resource, Mapping[str, Any]], Awaitable[Resource]]
    #: (call, resource): removes one.
    delete: Callable[[Call, Resource], Awaitable[None]]
    #: Properties whose change makes a new resource in place of the old one.
    replaced_by: frozenset[str] = frozenset()
