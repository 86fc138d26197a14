"""One service at work: what of its folder has been loaded, and its state."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, cast

from emulator import wire
from emulator.model.errors import AwsError
from emulator.services.spec import OptionalModule, ServiceSpec
from emulator.wire.deviations import NONE, Deviations
from emulator.wire.protocols import VARIANTS

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts

#: What serves an operation: (context, request) → result, both in the shape of the service's model.
Operation = Callable[["Context", Mapping[str, Any]], Awaitable[dict[str, Any]]]


def unsupported(names: str, sentence: str) -> dict[str, str]:
    """Return what to say of operations that are not served, for ``UNSUPPORTED``.

    Args:
        names: The operations' wire names, apart by white space.
        sentence: With ``{}`` for the name.
    """
    return {name: sentence.format(name) for name in names.split()}


class ServiceState(Protocol):
    """What ``open(parts)`` of a service's ``state.py`` returns: what the service keeps."""

    async def reset(self, account: str | None) -> None:
        """Be as at the first start, for all accounts (None) or for one; called while it is in use.

        What it keeps as documents is deleted with all others afterwards. It waits for no call of a
        function: a reset takes milliseconds.
        """
        ...

    async def close(self) -> None:
        """Let go of everything; called once, when no operation runs any more."""
        ...


class Service:
    """A service of one emulator. What of its folder is not needed yet is not imported.

    Args:
        package: The full name of its folder as a package.

    Attributes:
        spec: What stands in its ``spec.py``.
        state: Its state once it is open; None for a service that has none.
        is_open: Whether operations may run: it has no state, or its state is open.
    """

    def __init__(self, package: str) -> None:
        self.package = package
        self.spec: ServiceSpec = import_module(f"{package}.spec").SPEC
        self.state: Any = None
        self.is_open = "state" not in self.spec.modules
        self._opening: asyncio.Task[None] | None = None
        self._codecs: dict[str, wire.ServiceCodec] = {}

    def speaks(self, protocol: str) -> bool:
        """Say whether it is served in a protocol, of a model or a variant of one."""
        return VARIANTS.get(protocol, protocol) in self.spec.protocols

    def codec(self, protocol: str | None = None) -> wire.ServiceCodec:
        """Return its codec in one of its protocols; None for the first of them.

        Raises:
            LookupError: The service has no such protocol, or its model is not there.
        """
        protocol = protocol or self.spec.protocols[0]
        found = self._codecs.get(protocol)
        if found is None:
            if not self.speaks(protocol):
                raise LookupError(f"{self.spec.title} is not served in {protocol}")
            models = self._folder / "models" if self.spec.own_model else None
            found = wire.service(self.spec.model, protocol, self._deviations, models)
            self._codecs[protocol] = found
        return found

    @property
    def is_loaded(self) -> bool:
        """Whether it has been asked for anything yet."""
        return bool(self._codecs)

    @property
    def _folder(self) -> Path:
        return Path(str(import_module(f"{self.package}.spec").__file__)).parent

    @property
    def _deviations(self) -> Deviations:
        if "wire" not in self.spec.modules:
            return NONE
        return cast(Deviations, self.module("wire").DEVIATIONS)

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """What serves its operations, by their wire names."""
        found: Mapping[str, Operation] = import_module(f"{self.package}.operations").OPERATIONS
        return found

    @cached_property
    def unsupported_operations(self) -> Mapping[str, str]:
        """What to say of the others, by their wire names."""
        texts: Mapping[str, str] = import_module(f"{self.package}.operations").UNSUPPORTED
        return texts

    def unsupported(self, operation: str) -> AwsError:
        """Return the error for an operation of the model that is not served.

        Its status is one that no SDK tries again.
        """
        text = self.unsupported_operations.get(operation)
        text = text or f"localfaas does not serve {operation} of {self.spec.title}."
        return AwsError("NotImplementedException", text, status=400)

    def module(self, name: OptionalModule) -> ModuleType:
        """Import one of the optional modules of its folder.

        Raises:
            LookupError: Its spec names no such module.
        """
        if name not in self.spec.modules:
            raise LookupError(f"{self.spec.title} has no {name}.py")
        return import_module(f"{self.package}.{name}")

    async def open(self, parts: Parts) -> Any:
        """Open its state, if it has one and is not open yet; return it.

        Callers that come meanwhile wait for the same. If it fails, the next call tries again.
        """
        if not self.is_open:
            if self._opening is None:
                self._opening = asyncio.get_running_loop().create_task(self._open(parts))
            # A caller that gives up must not end it for the others.
            await asyncio.shield(self._opening)
        return self.state

    async def _open(self, parts: Parts) -> None:
        try:
            self.state = await self.module("state").open(parts)
            self.is_open = True
        finally:
            self._opening = None

    async def reset(self, parts: Parts, account: str | None) -> None:
        """Reset its state; see :meth:`State.reset`. One that was never opened keeps nothing yet."""
        if "state" in self.spec.modules and (self.is_open or parts.documents.lasting):
            await (await self.open(parts)).reset(account)

    async def close(self) -> None:
        """Close its state, if it is open."""
        if self._opening is not None:
            await asyncio.wait((self._opening,))
        state, self.state = self.state, None
        if state is not None:
            self.is_open = False
            await state.close()
