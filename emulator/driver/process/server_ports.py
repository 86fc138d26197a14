"""The ports of web servers behind AWS Lambda Web Adapter: all on this machine's loopback.

Where two servers want the same port, the adapter of the second finds the server of the first one
there, and would answer with what that says. https://github.com/aws/aws-lambda-web-adapter
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import partial

from emulator.driver.leaving import until_free
from emulator.driver.process.sandbox import ProcessSandbox
from emulator.model.clock import Clock
from emulator.model.debugging import is_free

#: The adapter's name among extensions.
_ADAPTER = "lambda-adapter"
#: Where it looks for its server's port, and which it is otherwise.
_VARIABLES = ("AWS_LWA_PORT", "PORT")
_USUAL = 8080
#: Seconds that an environment which ends may take until its removal begins.
_PATIENCE_S = 3.0


def wanted(extensions: Container[str], environ: Mapping[str, str]) -> int:
    """Return the port of the server behind an adapter; 0 where there is none.

    Args:
        extensions: The names of those that the environment is to have.
        environ: Its variables.
    """
    if _ADAPTER not in extensions:
        return 0
    given = next((environ[name] for name in _VARIABLES if environ.get(name)), str(_USUAL))
    return int(given) if given.isdecimal() and len(given) < 6 else 0


class ServerPorts:
    """Which sandbox has which port.

    Args:
        clock: For the wait.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._owners: dict[int, tuple[ProcessSandbox, str]] = {}

    async def claim(self, port: int, sandbox: ProcessSandbox, function: str) -> str:
        """Give a sandbox a port; returns why it can't have it, or "".

        Args:
            port: The port.
            sandbox: Who wants it.
            function: Its function's name.
        """
        free, leaving = partial(self._is_free, port), partial(self._is_leaving, port)
        if not await until_free(free, leaving, _PATIENCE_S, self._clock):
            return self._refusal(port)
        self._owners[port] = sandbox, function
        return ""

    def _is_free(self, port: int) -> bool:
        owner = self._owners.get(port)
        return (owner is None or owner[0].exited.done()) and is_free(port)

    def _is_leaving(self, port: int) -> bool:
        owner = self._owners.get(port)
        return owner is not None and owner[0].released and not owner[0].exited.done()

    def _refusal(self, port: int) -> str:
        owner = self._owners.get(port)
        who = f"an environment of {owner[1]}" if owner else "another program"
        return (
            f"port {port}, where AWS Lambda Web Adapter expects this function's server, is in use"
            f" by {who}: functions run as processes share this machine's ports. Give each a port"
            " of its own (AWS_LWA_PORT, and what its server listens on), or use --driver docker"
        )
