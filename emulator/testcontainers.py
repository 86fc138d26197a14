"""An emulator in a container, for tests: a module for Testcontainers.

It needs the extra ``localfaas[testcontainers]``, and the image: ``docker build -t localfaas .``
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self

from testcontainers.core.config import ConnectionMode
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from emulator.model.sdk_session import own_session

_PORT = 4566
_FUNCTIONS = "/functions"
_HERE = ("localhost", "127.0.0.1", "::1")
#: The emulator, which answers to the container's own addresses, too: tests that run in a container
#: beside it call it by one, and none is known before it starts.
_ENTRYPOINT = (
    *("sh", "-c"),
    'export LOCALFAAS_ALLOW_HOST="$LOCALFAAS_ALLOW_HOST $(hostname -i)"; exec localfaas "$@"',
    "localfaas",
)


class LocalfaasContainer(DockerContainer):
    """A container with an emulator, whose functions run as processes in it.

    Args:
        image: Made from the project's Dockerfile.
        functions: A template's folder, or one with a folder for each function.
        region: The AWS region of :meth:`client`.
        **options: Of Testcontainers' own container.
    """

    def __init__(
        self,
        image: str = "localfaas",
        *,
        functions: str | Path | None = None,
        region: str = "us-east-1",
        **options: Any,
    ) -> None:
        super().__init__(image, **{"entrypoint": list(_ENTRYPOINT), **options})
        self._region = region
        self._functions = Path(functions).resolve() if functions is not None else None
        self.with_exposed_ports(_PORT)
        self.with_env("LOCALFAAS_REGION", region)
        #: Where the functions are in it.
        self._place = f"{_FUNCTIONS}/{self._functions.name}" if self._functions else ""
        self.with_command(["up", self._place] if self._place else ["up"])

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(_PORT)}"

    def start(self) -> Self:
        """Start it, and return once functions can be called.

        Raises:
            FileNotFoundError: The folder of functions is not there.
        """
        if self._functions is not None:
            self._bring(self._functions)
        # Who calls it by another name than localhost is answered, too.
        self.with_env("LOCALFAAS_ALLOW_HOST", " ".join(self._names()))
        self.waiting_for(LogMessageWaitStrategy(re.compile(r"Ready\.")))
        super().start()
        return self

    def _bring(self, functions: Path) -> None:
        """Let it see the functions: their folder, or a copy where the engine has other files."""
        if not functions.is_dir():
            raise FileNotFoundError(f"there is no folder {functions}")
        engine = self.get_docker_client()
        near = engine.get_connection_mode() is ConnectionMode.docker_host
        if near and engine.host() in _HERE:
            self.with_volume_mapping(str(functions), self._place, "ro")
        else:
            self.with_copy_into_container(functions, _FUNCTIONS)

    def _names(self) -> list[str]:
        """Return the names by which tests may call it: that of the engine's machine, its gateways.

        The gateway is what tests call that run in a container themselves.
        """
        engine = self.get_docker_client()
        networks = engine.client.networks.get("bridge").attrs["IPAM"]["Config"] or []
        return [engine.host(), *(name for each in networks if (name := _gateway(each)))]

    def client(self, service: str, account: str = "000000000000") -> Any:
        """Return boto3's client of a service.

        Args:
            service: Its name in boto3.
            account: The 12 digits of the AWS account.
        """
        return own_session().client(
            service,
            endpoint_url=self.url,
            region_name=self._region,
            aws_access_key_id=account,
            aws_secret_access_key="localfaas",
        )


def _gateway(network: Mapping[str, str]) -> str:
    """Return a network's gateway; where an engine names none, it is the first address."""
    if named := network.get("Gateway"):
        return named
    subnet = network.get("Subnet")
    return str(ip_network(subnet)[1]) if subnet else ""
