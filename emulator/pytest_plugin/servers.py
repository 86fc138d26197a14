"""The emulators of one run of pytest."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from emulator.client.endpoint import DEFAULT_ENDPOINT, Client, ClientError
from emulator.client.server import Server, StartFailed

if TYPE_CHECKING:
    from typing import Self

#: What every emulator here is started with. A test's later options win.
_OPTIONS = ("--port", "0", "--no-watch", "--transition-seconds", "0", "--empty")


@dataclass(frozen=True, slots=True)
class Running:
    """An emulator that somebody else has started."""

    url: str
    region: str

    def ending(self) -> str:
        """Say nothing: its process is somebody else's."""
        return ""


class Servers:
    """Starts an emulator for each set of options, and ends them all.

    Args:
        options: Options of ``localfaas up`` for all of them.
        running: What takes the place of all of them, where one is given.
    """

    def __init__(self, options: Sequence[str], running: Running | None = None) -> None:
        self._options = (*_OPTIONS, *options)
        self._running = running
        self._shared: dict[tuple[str, ...], Server] = {}
        self._others: list[Server] = []

    @classmethod
    def of(cls, config: pytest.Config) -> Self:
        """Return those that the command line and the ini file ask for."""
        given = config.getoption("--localfaas-options")
        options = _words(given) if given is not None else config.getini("localfaas_options")
        endpoint = config.getoption("--localfaas-endpoint")
        return cls(options, running(config) if endpoint else None)

    def get(self, options: tuple[str, ...]) -> Server | Running:
        """Return the emulator with these options; all tests that ask for them share it.

        A test whose emulator does not start fails with what that said.
        """
        if self._running is not None:
            return self._running
        server = self._shared.get(options)
        if server is None or not server.runs():
            server = self._shared[options] = _started([*self._options, *options])
        return server

    def start(self, *options: str, **settings: Any) -> Server:
        """Start one more emulator, which nobody shares; it ends with the run.

        Args:
            *options: Options of ``localfaas up``, as on the command line.
            **settings: Options by name: ``idle_timeout=5`` is ``--idle-timeout 5``.
        """
        server = _started([*self._options, *options_of(*options, **settings)])
        self._others.append(server)
        return server

    def close(self) -> None:
        """End all of them."""
        for server in (*self._shared.values(), *self._others):
            server.stop()


def _words(given: str) -> list[str]:
    try:
        return shlex.split(given)
    except ValueError as failure:
        text = f"--localfaas-options {given!r} can't be read: {failure}"
    pytest.fail(text, pytrace=False)


def _started(options: Sequence[str]) -> Server:
    try:
        return Server.start(options)
    except StartFailed as failure:
        text = f"the emulator did not start: {failure}"
    pytest.fail(text, pytrace=False)


def running(config: pytest.Config) -> Running:
    """Return the emulator that runs already.

    Where none does, the test that asks for it is skipped; it fails where an endpoint is given.
    """
    given = config.getoption("--localfaas-endpoint") or os.environ.get("LOCALFAAS_ENDPOINT")
    client = Client(given or DEFAULT_ENDPOINT)
    if not client.listens():
        if given:
            pytest.fail(f"no emulator answers at {client.url}", pytrace=False)
        pytest.skip(f"no emulator runs at {client.url}")
    try:
        return Running(client.url, client.get("health")["region"])
    except ClientError as failure:
        text = str(failure)
    pytest.fail(text, pytrace=False)


def options_of(*options: Any, **settings: Any) -> tuple[str, ...]:
    """Return options of the command line from a marker's arguments; None is an option not given."""
    found = [str(each) for each in options]
    for name, value in settings.items():
        if value is None:
            continue
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            found.append(flag if value else flag.replace("--", "--no-", 1))
        elif isinstance(value, list | tuple):
            found += [word for each in value for word in (flag, str(each))]
        else:
            found += [flag, str(value)]
    return tuple(found)


def options_of_marker(test: pytest.Item) -> tuple[str, ...]:
    """Return the options that a test's marker gives."""
    marker = test.get_closest_marker("localfaas")
    if marker is None:
        return ()
    if marker.args and not str(marker.args[0]).startswith("-"):
        pytest.fail(
            f"the marker localfaas takes options of `localfaas up`, not {marker.args[0]!r}: "
            "give paths to localfaas.deploy",
            pytrace=False,
        )
    return options_of(*marker.args, **marker.kwargs)
