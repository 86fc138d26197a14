"""What operations on stacks are done with: the same for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from emulator.model.clock import Clock
from emulator.model.errors import AwsError
from emulator.services.cloudformation import local_addresses
from emulator.services.cloudformation.kind_table import KindTable
from emulator.services.cloudformation.planning import ABSENT, LookUp, Plan, Planner
from emulator.services.cloudformation.stack import Stack
from emulator.services.cloudformation.store import StackStore
from emulator.stack import dynamic
from emulator.stack.errors import TemplateError
from emulator.stack.kinds import Call
from emulator.wire.errors import resolve

if TYPE_CHECKING:
    from emulator.wire import ServiceCodec


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
        look_up, texts = self._look_up(stack), {}
        for text, reference in found.items():
            try:
                texts[text] = await look_up(reference)
            except AwsError as error:
                if error.code in ABSENT:
                    raise _absent([reference]) from error
                raise
        return dynamic.replace(value, texts)

    async def refuse_missing(self, stack: Stack, plan: Plan) -> None:
        """Refuse a plan that refers to parameters of SSM that are not there.

        Raises:
            TemplateError: In AWS's words.
        """
        look_up, missing = self._look_up(stack), []
        written = [each.get("Properties") for each in plan.resources.values()]
        for reference in dynamic.find(written).values():
            try:
                if reference.service != "secretsmanager":
                    await look_up(reference)
            except AwsError as error:
                if error.code not in ABSENT:
                    raise
                missing.append(reference)
        if missing:
            raise _absent(missing)


def _absent(references: list[dynamic.DynamicReference]) -> TemplateError:
    return TemplateError(f"Parameters: [{', '.join(map(str, references))}] cannot be found.")


class ServiceRefusal(AwsError):
    """What a service has refused when a type called it."""

    def __init__(self, codec: ServiceCodec, operation: str, error: AwsError) -> None:
        status = resolve(codec.model, error).status
        super().__init__(error.code, error.message, status=status, **error.fields)
        self._codec, self._operation = codec, operation

    @property
    def cause(self) -> str:
        """The message, with the service, the status and the request's id."""
        from emulator.services.sdk_calls import SdkCall, SdkCallError

        codec = self._codec
        call = SdkCall(codec.model.name, codec.model, codec.operation(self._operation))
        return SdkCallError(call, self).cause
