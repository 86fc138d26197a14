"""Podman, and rootless engines with a user of their own, for tests (tests/other_engine.sh)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.contract import docker_engine, engine_script

_ROOT = Path(__file__).parents[2]
_SCRIPT = _ROOT / "tests" / "other_engine.sh"
_PROGRAMS = {
    "podman": ("podman", "catatonit"),
    "podman-rootless": ("podman", "catatonit", "newuidmap", "slirp4netns", "setpriv", "unshare"),
    "docker-rootless": (
        *("dockerd-rootless.sh", "rootlesskit", "newuidmap", "slirp4netns", "setpriv", "unshare"),
    ),
}


def marked(kind: str) -> Any:
    """Return the parameter of tests with the engine ``kind``, one after the other."""
    marks = [
        pytest.mark.docker, pytest.mark.xdist_group(f"docker-{kind}")
    ]  # fmt: skip
    return pytest.param(kind, marks=marks)


@dataclass(frozen=True)
class OtherEngine(engine_script.Asked):
    """The engine, and how to be the user whose it is."""

    kind: str
    folder: Path

    @property
    def rootless(self) -> bool:
        return self.kind.endswith("-rootless")

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/engine.sock"

    @property
    def code(self) -> Path:
        """A copy of the emulator that its user can read, wherever the checkout is."""
        return self.folder / "home" / "code"

    def environ(self) -> dict[str, str]:
        """Return the variables that lead root to it."""
        return {**engine_script.without_docker(), "DOCKER_HOST": self.url}

    def user(self) -> list[str]:
        """Return the words before a command that have the engine's user run it."""
        if not self.rootless:
            return ["env", f"DOCKER_HOST={self.url}"]
        name = (self.folder / "user").read_text().strip()
        # Python may be root's own; reading is all that more is granted than a user has.
        capability = "+dac_read_search"
        return [
            *("setpriv", "--reuid", name, "--regid", name, "--clear-groups"),
            *(f"--inh-caps={capability}", f"--ambient-caps={capability}"),
            *("env", "-i", f"PATH={os.environ['PATH']}"),
            *(f"HOME={self.folder}/home", f"TMPDIR={self.folder}/home"),
            f"XDG_RUNTIME_DIR={(self.folder / 'runtime').read_text().strip()}",
            f"DOCKER_HOST={self.url}",
        ]


@contextmanager
def other_engine(kind: str) -> Iterator[OtherEngine]:
    """Start an engine of ``kind``; skip, or fail, where it can't be had."""
    docker_engine.need_engine()  # which brings the programs and the image
    engine_script.need(kind, _PROGRAMS[kind])
    if kind.endswith("-rootless"):
        _need_namespaces()
    with engine_script.started(_SCRIPT, kind) as folder:
        engine = OtherEngine(kind, folder)
        # Without the template, and what needs it or has packages installed.
        left_out = shutil.ignore_patterns("template.yaml", "hello*", "orders")
        for name in ("emulator", "runtimes", "sample_functions"):
            shutil.copytree(_ROOT / name, engine.code / name, ignore=left_out)
        yield engine


def _need_namespaces() -> None:
    """Skip where the kernel, or what this machine is itself kept in, allows no rootless engine."""
    words = ["setpriv", "--reuid", "65534", "--clear-groups", "unshare", "--user", "true"]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("no rootless engine where users may not make namespaces")
    if not Path("/dev/net/tun").exists():
        pytest.skip("no rootless engine without /dev/net/tun")
