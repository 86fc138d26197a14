"""Rules of a container's network, where the kernel takes none."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.driver import link_local
from emulator.driver.docker.containers import Containers
from emulator.model.errors import DriverFault
from emulator.testing import FakeClock


def _without_policy_routing(*given: Any) -> None:
    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def containers(said: list[str]) -> Containers:
    network: Any = SimpleNamespace(listen_host="127.0.0.1")
    engine: Any = SimpleNamespace(info=SimpleNamespace(init=True))
    files: Any = SimpleNamespace(remove=None)
    console: Any = SimpleNamespace(warn=said.append)
    images: Any = None
    return Containers(
        engine=engine,
        images=images,
        network=network,
        files=files,
        labels={},
        prefix="p",
        limits_later=True,
        has_rules=True,
        closes_link_local=True,
        clock=FakeClock(),
        console=console,
    )


async def test_a_debuggers_port_is_open_to_neighbours_and_that_is_said(
    containers: Containers, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_local, "close_port_in_container", _without_policy_routing)
    await containers._close_port(1, 5678)
    (text,) = said
    assert text.startswith("other containers reach the ports of debuggers")
    assert not containers._has_rules  # the next is not tried


async def test_credentials_of_the_machine_are_opened_on_request_alone(
    containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_local, "close_in_container", _without_policy_routing)
    with pytest.raises(DriverFault, match="use --allow-link-local"):
        await containers._close_link_local(1)
