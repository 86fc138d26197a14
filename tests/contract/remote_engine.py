"""A second Docker engine for tests, as if on another machine (tests/remote_engine.sh)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract import docker_engine, engine_script

_SCRIPT = Path(__file__).parents[1] / "remote_engine.sh"
_NEEDED = ("dockerd", "ip", "nsenter", "unshare", "openssl", "sshd", "ssh")

REMOTE = [pytest.mark.docker, pytest.mark.xdist_group("docker-remote")]


@dataclass(frozen=True)
class RemoteEngine(engine_script.Asked):
    """The engine, its machine, and what its clients need."""

    folder: Path

    @property
    def host(self) -> str:
        """The address of the engine's machine."""
        return (self.folder / "address").read_text().strip()

    @property
    def here(self) -> str:
        """The address of this machine towards it."""
        return (self.folder / "gateway").read_text().strip()

    @property
    def certificates(self) -> Path:
        return self.folder / "tls"

    def environ(self) -> dict[str, str]:
        """Return the variables that lead to it over TCP with TLS."""
        return {
            **engine_script.without_docker(),
            "DOCKER_HOST": f"tcp://{self.host}:2376",
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": str(self.certificates),
        }

    def ssh_environ(self, folder: Path) -> dict[str, str]:
        """Return the variables that lead to it over SSH; ``folder`` gets an ``ssh`` that may."""
        real = shutil.which("ssh")
        command = folder / "ssh"
        command.write_text(f'#!/bin/sh\nexec {real} -F {self.folder}/ssh/client.conf "$@"\n')
        command.chmod(0o755)
        return {
            **engine_script.without_docker(),
            "PATH": f"{folder}:{os.environ['PATH']}",
            "DOCKER_HOST": f"ssh://root@{self.host}:2222",
        }


@pytest.fixture(scope="session")
def remote_engine() -> Iterator[RemoteEngine]:
    """Start the engine once for all tests of this process; nothing is left of it."""
    docker_engine.need_engine()  # which brings the programs and the image
    engine_script.need("remote engine", _NEEDED)
    with engine_script.started(_SCRIPT) as folder:
        network = (folder / "network").read_text().strip()
        yield RemoteEngine(folder)
    assert not Path("/run/netns", network).exists()
    assert not Path("/sys/class/net", network).exists()
