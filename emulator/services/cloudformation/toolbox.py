"""What operations on stacks are done with: the same for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator.model.clock import Clock
from emulator.services.cloudformation import local_addresses
from emulator.services.cloudformation.kind_table import KindTable
from emulator.services.cloudformation.planning import LookUp, Planner
from emulator.services.cloudformation.stack import Stack
from emulator.services.cloudformation.store import StackStore
from emulator.stack import dynamic
from emulator.stack.kinds import Call


class Toolbox:
    """What operations on stacks use.

    Args:
        store: All stacks.
        planner: Makes plans of templates.
        kinds: All resource types.
        clock: The time.
        call: Returns what calls operations for an account and region.
        look_up: Returns what looks up dynamic references for a stack.
        finders: Find the local addresses of what AWS has addresses for.
    """

    def __init__(
        self,
        *,
        store: StackStore,
        planner: Planner,
        kinds: KindTable,
        clock: Clock,
        call: Callable[[str, str], Call],
        look_up: Callable[[Stack], LookUp],
        finders: Mapping[str, local_addresses.Finder],
    ) -> None:
        self.store = store
        self.planner = planner
        self.kinds = kinds
        self.clock = clock
        self.call = call
        self._look_up = look_up
        self._finders = finders

    def exports(self, account: str, region: str) -> dict[str, str]:
        """Return the values that may be imported, by name."""
        return {
            name: value
            for stack in self.store.all(account, region)
            if not stack.is_gone
            for name, value in stack.exports.items()
        }

    def local_address(self, text: str) -> str:
        """Replace addresses of AWS in a text by those they have here."""
        return local_addresses.replace(text, self._finders)

    def localised(self, properties: dict[str, Any]) -> dict[str, Any]:
        """Return properties with local addresses in variables: those lead functions to others."""
        variables = properties.get("Environment")
        if variables is None:
            return properties
        return {**properties, "Environment": local_addresses.replace_all(variables, self._finders)}

    async def values(self, stack: Stack, value: Any) -> Any:
        """Return ``value`` with its dynamic references replaced."""
        found = dynamic.find(value)
        if not found:
            return value
        look_up = self._look_up(stack)
        texts = {text: await look_up(reference) for text, reference in found.items()}
        return dynamic.replace(value, texts)
