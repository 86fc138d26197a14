"""The emulator's sockets: one for clients, and one for sandboxes where they need their own."""

from __future__ import annotations

import asyncio

from emulator.edge.guard import Guard
from emulator.edge.listener import Listener
from emulator.edge.router import AsgiApp, Router, SandboxRouter
from emulator.model.errors import ConfigurationError


class Servers:
    """Listens for clients from the start; answers once :meth:`open` is called.

    Args:
        host: The address for clients.
        port: The port for clients; 0 takes a free one.
        drain_seconds: How long the end may wait for requests in flight.

    Raises:
        ConfigurationError: The address is taken, or not this machine's.
    """

    def __init__(self, host: str, port: int, *, drain_seconds: float) -> None:
        self._main = Listener(host, port)
        self._any_port = not port
        self._drain_seconds = drain_seconds
        #: The listeners that serve.
        self._listeners: list[Listener] = []
        #: The port for clients.
        self.port = self._main.port

    def open(self, router: Router) -> None:
        """Answer clients from now on."""
        self._serve(self._main, router)

    def open_to_sandboxes(
        self, router: Router, guard: Guard, *, listen_host: str, reach_host: str, secret: bool
    ) -> str:
        """Let sandboxes reach the emulator, at their own address where they need one.

        Args:
            router: Answers their requests.
            guard: Answers to the sandboxes' name for this machine from now on.
            listen_host: The address that sandboxes reach.
            reach_host: The name that they use for it.
            secret: Only sandboxes know that name.

        Returns:
            The URL that sandboxes call.

        Raises:
            ConfigurationError: The port is taken there.
        """
        port = self.port
        guard.admit(reach_host)
        if not self._main.covers(listen_host):
            own = self._listener_at(listen_host)
            port = own.port
            self._serve(own, SandboxRouter(router, reach_host if secret else ""))
        return f"http://{reach_host}:{port}"

    def open_further(self, app: AsgiApp, port: int) -> int:
        """Answer clients at a further port from now on; return the port.

        Raises:
            ConfigurationError: It is taken.
        """
        listener = Listener(self._main.host, port)
        self._serve(listener, app)
        return listener.port

    def open_at(self, host: str, app: AsgiApp, port: int) -> int:
        """Answer at another address from now on; return the port.

        Raises:
            OSError: It is taken.
        """
        try:
            listener = Listener(host, port)
        except ConfigurationError as error:
            raise OSError(str(error)) from error
        self._serve(listener, app)
        return listener.port

    async def wait(self) -> None:
        """Return when the first of the listeners has ended."""
        serving = [listener.serving for listener in self._listeners if listener.serving is not None]
        await asyncio.wait(serving, return_when=asyncio.FIRST_COMPLETED)

    def end(self, *, now: bool = False) -> None:
        """Accept nothing more; with ``now``, wait for nothing."""
        for listener in self._listeners:
            listener.end(now=now)

    async def close(self) -> None:
        """Return when nothing is served any more."""
        for listener in self._listeners:
            await listener.close()
        self.abandon()

    def abandon(self) -> None:
        """Close the clients' socket if it was never served."""
        self._main.abandon()

    def _serve(self, listener: Listener, app: AsgiApp) -> None:
        self._listeners.append(listener)
        listener.serve(app, drain_seconds=self._drain_seconds)

    def _listener_at(self, host: str) -> Listener:
        """Listen at ``host`` on the clients' port, or on a free one where any port will do."""
        try:
            return Listener(host, self.port)
        except ConfigurationError:
            if not self._any_port:
                raise
            return Listener(host, 0)
