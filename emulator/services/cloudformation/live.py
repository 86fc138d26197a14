"""The resources of a stack as its template refers to them: what exists, and what each means."""

from __future__ import annotations

from typing import Any

from emulator.services.cloudformation.stack import Stack
from emulator.stack import schemas
from emulator.stack.errors import NotYetKnown, TemplateError


class LiveResources:
    """What ``Ref`` and ``Fn::GetAtt`` mean while an operation runs.

    Args:
        names: The resources of the template.
        finished: Those that are as the template wants them; grows while the operation runs.
    """

    def __init__(self, stack: Stack, names: set[str], finished: set[str]) -> None:
        self._stack, self._names, self._finished = stack, names, finished

    def __contains__(self, logical: str) -> bool:
        return logical in self._names

    def ref(self, logical: str) -> Any:
        """See :class:`emulator.stack.intrinsics.Resources`."""
        if logical not in self._finished:
            raise NotYetKnown(logical)
        resource = self._stack.resources[logical]
        return resource.ref or resource.physical

    def attribute(self, logical: str, name: str) -> Any:
        """See :class:`emulator.stack.intrinsics.Resources`."""
        if logical not in self._finished:
            raise NotYetKnown(logical, name)
        resource = self._stack.resources[logical]
        if name in resource.attributes and not name.startswith("."):
            return resource.attributes[name]
        found: Any = resource.attributes
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if found is not None:
            return found
        schema = schemas.find(resource.kind)
        if schema is not None and name in resource.properties:
            return resource.properties[name]
        raise TemplateError(
            f"Template error: resource {logical} does not support attribute type {name} in"
            " Fn::GetAtt"
        )
