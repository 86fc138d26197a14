"""Services that engines serve: those the user attached, and those that nothing else serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from emulator.engines.base import EngineRequest, EngineResponse, EngineUnavailable
from emulator.engines.embedded.engine import INSTALL, EmbeddedEngine, is_installed
from emulator.model.errors import AwsError

if TYPE_CHECKING:
    from emulator.engines.remote import RemoteEngine
    from emulator.services.context import Parts
    from emulator.services.service import Service


class Neighbours:
    """The engines of one emulator. None of them is started before it is asked something.

    Args:
        attached: Endpoints by the names of their services.
        services: Our own.
    """

    def __init__(self, attached: Mapping[str, str], services: Iterable[Service]) -> None:
        self._services = tuple(services)
        by_url: dict[str, RemoteEngine] = {}
        if attached:
            from emulator.engines.remote import RemoteEngine
        #: By the service's name in signatures.
        self.attached: dict[str, RemoteEngine] = {}
        for name, url in attached.items():
            engine = by_url.setdefault(url, RemoteEngine(url))
            for signing_name in self._signing_names(name):
                self.attached[signing_name] = engine
        self._own = {name for each in self._services for name in each.spec.signing_names}
        self._own_targets = {each.spec.target_prefix for each in self._services}
        self._parts: Parts | None = None

    def _signing_names(self, name: str) -> tuple[str, ...]:
        for service in self._services:
            if name in (service.spec.model, service.spec.arn_name):
                return service.spec.signing_names
        return (name,)

    def open(self, parts: Parts) -> None:
        """Say what the embedded library may use; it is not started yet."""
        self._parts = parts

    @property
    def _has_embedded(self) -> bool:
        """Whether the embedded library was asked for anything."""
        return "_embedded" in self.__dict__

    @cached_property
    def _embedded(self) -> EmbeddedEngine:
        parts = self._parts
        assert parts is not None
        return EmbeddedEngine(
            parts.folder / "embedded",
            parts.clock,
            lambda: parts.console.info("starting the embedded library, for further services"),
        )

    async def ask(self, request: EngineRequest) -> EngineResponse | None:
        """Answer a request by the embedded library; None: it does not serve it either.

        Raises:
            AwsError: It does not answer now; an SDK tries again.
        """
        if not self._may_serve(request) or not is_installed():
            return None
        try:
            return await self._embedded.request(request)
        except EngineUnavailable as error:
            raise unavailable(error) from error

    def _may_serve(self, request: EngineRequest) -> bool:
        """Whether a request is for a service, and for none of ours.

        Some operations (a user signs up) come without a signature; their target says the service.
        Anything else that comes so is nothing to start the library for.
        """
        if request.service:
            return request.service not in self._own
        target = request.headers.get("x-amz-target", "")
        return bool(target) and target.rpartition(".")[0] not in self._own_targets

    @property
    def hint(self) -> str:
        """How more services would be served; "" where they are."""
        return "" if is_installed() else f" More are served after {INSTALL}."

    async def describe(self) -> list[dict[str, Any]]:
        """Return what serves each service, and what of it lasts."""
        running = await self._embedded.describe() if self._has_embedded else {}
        found = []
        for service in self._services:
            attached = next(
                (self.attached[n] for n in service.spec.signing_names if n in self.attached), None
            )
            found.append(
                {
                    "service": service.spec.model,
                    "title": service.spec.title,
                    "engine": "localfaas" if attached is None else attached.url,
                    "operations": len(service.operations),
                    "lasts": "yes" if attached is None else "as the endpoint has it",
                }
            )
        for name, engine in self.attached.items():
            if name not in self._own:
                found.append(_row(name, engine.url, "as the endpoint has it"))
        for name, each in running.items():
            found.append(_row(name, "embedded library", each["lasts"]))
        return found

    async def reset(self, account: str | None) -> None:
        """Forget what the embedded library keeps, of all accounts (None) or of one."""
        if self._has_embedded or (self._parts is not None and self._parts.documents.lasting):
            try:
                await self._embedded.reset(account)
            except EngineUnavailable as error:
                raise unavailable(error) from error

    async def close(self) -> None:
        """End the engines."""
        for engine in set(self.attached.values()):
            await engine.close()
        if self._has_embedded:
            await self._embedded.close()


def _row(name: str, engine: str, lasts: str) -> dict[str, Any]:
    return {"service": name, "title": name, "engine": engine, "operations": None, "lasts": lasts}


async def forward(engine: RemoteEngine, request: EngineRequest) -> EngineResponse:
    """Pass a request on to an attached endpoint.

    Raises:
        AwsError: It does not answer now; an SDK tries again.
    """
    try:
        return await engine.request(request)
    except EngineUnavailable as error:
        raise unavailable(error) from error


def unavailable(error: EngineUnavailable) -> AwsError:
    """Return what a caller is told of an engine that does not answer now: SDKs try again."""
    return AwsError("ServiceUnavailable", f"Try again: {error}.", status=503)
