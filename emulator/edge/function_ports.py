"""What functions reach beside the Runtime API: the trace daemon, secrets and OpenTelemetry."""

from __future__ import annotations

from emulator.edge.http_fronts.secrets_endpoint import SecretsEndpoint
from emulator.edge.router import Router, SandboxRouter
from emulator.edge.servers import Servers
from emulator.edge.trace_daemon import TraceDaemon
from emulator.model.errors import ConfigurationError
from emulator.services.context import Parts


class FunctionPorts:
    """Opens these ports, each of them with the first function that needs it, and tells functions.

    Args:
        parts: The driver, the pools, the services and the traces.
        servers: Where ports are had.
        router: Answers what the trace daemon passes on.
    """

    def __init__(self, parts: Parts, servers: Servers, router: Router) -> None:
        self._parts = parts
        self._servers = servers
        self._router = router
        self._place = (parts.settings.account, parts.settings.region)
        self._daemon = TraceDaemon(parts.tracing, self._place, self._serve_daemon)

    def open(self) -> None:
        """Let functions in, now that the driver knows where they reach this machine.

        Raises:
            ConfigurationError: The port for OpenTelemetry's spans is taken.
        """
        driver, told = self._parts.driver, self._parts.pools.told
        self._daemon.let_in(listen_host=driver.listen_host, reach_host=driver.reach_host)
        told += [self._daemon.variables, self._secrets_endpoint().variables]
        port = self._parts.settings.otlp_receiver
        if port is not None:
            self._open_receiver(port)

    def _secrets_endpoint(self) -> SecretsEndpoint:
        parts = self._parts
        endpoint = SecretsEndpoint(
            parts.table,
            parts.clock,
            parts.console,
            lambda host, port: self._servers.open_at(host, endpoint, port),
            for_all=parts.settings.secrets_endpoint,
            is_reached=parts.driver.reach_host in ("127.0.0.1", "localhost"),
        )
        return endpoint

    def _open_receiver(self, port: int) -> None:
        from emulator.edge.otlp_receiver import OtlpReceiver

        driver, pools = self._parts.driver, self._parts.pools
        receiver = OtlpReceiver(self._parts.tracing, self._place)
        try:
            port = self._servers.open_at(driver.listen_host, receiver, port)
        except OSError as error:
            raise ConfigurationError(
                f"{error} It is the port for spans (--otlp-receiver)."
            ) from error
        receiver.url = f"http://{driver.reach_host}:{port}"
        pools.told.append(receiver.variables)

    def _serve_daemon(self, host: str, port: int) -> int:
        """Serve sampling rules to functions at a port.

        Raises:
            OSError: It is taken.
        """
        driver = self._parts.driver
        secret = driver.reach_host if driver.reach_host_is_secret else ""
        return self._servers.open_at(host, SandboxRouter(self._router, secret), port)

    async def close(self) -> None:
        """Take no more segments; the other ports close with the clients' own."""
        await self._daemon.close()
