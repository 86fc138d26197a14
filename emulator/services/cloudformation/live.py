"""The resources of a stack as its template refers to them: what exists, and what each means."""

from __future__ import annotations

from typing import Any

from emulator.services.cloudformation.custom_resources import NO_ECHO
from emulator.services.cloudformation.stack import Stack
from emulator.stack import schemas
from emulator.stack.errors import NotYetKnown, TemplateError
from emulator.stack.kinds import PLAUSIBLE
from emulator.stack.parameters import HIDDEN


class LiveResources:
    """What ``Ref`` and ``Fn::GetAtt`` mean while an operation runs.

    Args:
        names: The resources of the template.
        finished: Those that are as the template wants them; grows while the operation runs.
        masked: Hide what custom resources want hidden: for events.
    """

    def __init__(
        self, stack: Stack, names: set[str], finished: set[str], *, masked: bool = False
    ) -> None:
        self._stack, self._names, self._finished = stack, names, finished
        self._masked = masked

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
        if self._masked and resource.attributes.get(NO_ECHO):
            return HIDDEN
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
        if PLAUSIBLE in resource.attributes:
            named = resource.ref or resource.physical
            return named if name.endswith("Name") else f"{named}-{name}"
        if NO_ECHO in resource.attributes:
            raise TemplateError(
                f"CustomResource attribute error: Vendor response doesn't contain {name} attribute"
                f" in object {self._stack.stack_id}|{logical}"
            )
        raise TemplateError(
            f"Template error: resource {logical} does not support attribute type {name} in"
            " Fn::GetAtt"
        )
