"""The load balancers of an emulator: a port each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.edge.http_fronts.alb.balancer import Balancer, parse_balancer
from emulator.edge.servers import Servers
from emulator.services.context import Parts

if TYPE_CHECKING:
    from emulator.edge.guard import Guard
    from emulator.edge.http_fronts.alb.front import LoadBalancer


class LoadBalancers:
    """Opens and closes the load balancers that the settings ask for.

    Args:
        parts: The functions, the clock and the console.
        servers: Where ports are had.
        guard: Refuses foreign hosts.
    """

    def __init__(self, parts: Parts, servers: Servers, guard: Guard) -> None:
        self._parts = parts
        self._servers = servers
        self._guard = guard
        self._fronts: list[LoadBalancer] = []
        #: Those that are open, by the port that each listens on.
        self.by_port: dict[int, Balancer] = {}

    async def open(self) -> None:
        """Answer at their ports.

        Raises:
            ConfigurationError: One is taken.
        """
        for text in self._parts.settings.alb:
            balancer = parse_balancer(text)
            if balancer is not None:
                self._open(balancer)

    def _open(self, balancer: Balancer) -> None:
        from emulator.edge.http_fronts.alb.front import LoadBalancer

        parts = self._parts
        front = LoadBalancer(
            balancer,
            account=parts.settings.account,
            region=parts.settings.region,
            functions=parts.functions,
            guard=self._guard,
            clock=parts.clock,
            console=parts.console,
        )
        port = self._servers.open_further(front, balancer.port)
        self.by_port[port] = balancer
        self._fronts.append(front)
        front.start()

    async def close(self) -> None:
        """Check no health any more; their ports close with the clients' own."""
        for front in self._fronts:
            await front.close()
