"""Stages of HTTP and WebSocket APIs as they are served: each is compiled once for what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from emulator.model.clock import Clock
from emulator.services.apigatewayv2.deployments import settle
from emulator.services.apigatewayv2.state import Api, ApiGateway, Body


class Compiled(Protocol):
    """A stage as it is served."""

    api: Api
    stage: Body


_T = TypeVar("_T", bound=Compiled)


class LiveStages(Generic[_T]):
    """Finds stages as they are served now.

    Args:
        state: The APIs.
        clock: Says when a deployment is made.
        compile_stage: Makes of a stage what serves it.
    """

    def __init__(
        self, state: ApiGateway, clock: Clock, compile_stage: Callable[[Api, Body], _T]
    ) -> None:
        self._state, self._clock, self._compile = state, clock, compile_stage
        #: By API and name.
        self._live: dict[tuple[str, str], _T] = {}

    async def find(self, api: Api, name: str) -> _T | None:
        """Return a stage; None if the API has none of this name.

        Raises:
            AwsError: The disk did not take a deployment that was due.
        """
        stage = api.stage(name)
        if stage is None:
            return None
        if stage.get("AutoDeploy") and api.deployed != api.changes:
            await settle(self._state, api, self._clock.now())
            stage = api.stage(name) or stage
        live = self._live.get((api.id, name))
        if live is None or live.stage is not stage or live.api is not api:
            self._forget_gone()
            live = self._live[api.id, name] = self._compile(api, stage)
        return live

    def _forget_gone(self) -> None:
        for key, each in list(self._live.items()):
            if self._state.apis.get(key[0]) is not each.api or each.api.stage(key[1]) is None:
                del self._live[key]
