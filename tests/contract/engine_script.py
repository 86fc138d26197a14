"""Engines that a script of the tests starts and stops."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.contract import docker_engine


def need(name: str, programs: Sequence[str]) -> None:
    """Skip for want of root or ``programs``, which ``name`` needs; where required, fail."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin:/usr/share/docker.io/contrib"
    missing = [each for each in programs if shutil.which(each, path=path) is None]
    if os.geteuid() != 0:
        missing.append("root")
    if missing:
        docker_engine.unavailable(f"no {name} without {', '.join(missing)}")


class Asked(ABC):
    """An engine that is asked with its own ``docker`` command what is there."""

    @abstractmethod
    def environ(self) -> dict[str, str]:
        """Return the variables that lead to it."""

    def docker(self, *arguments: str) -> str:
        """Run the ``docker`` command there."""
        done = subprocess.run(
            ["docker", *arguments], env=self.environ(), capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def left(self, label: str) -> list[str]:
        """Return what of an emulator is still there: containers and volumes with ``label``."""
        mark = f"label={label}"
        found = self.docker("ps", "-aq", "--filter", mark).split()
        return found + self.docker("volume", "ls", "-q", "--filter", mark).split()


@contextmanager
def started(script: Path, *kind: str) -> Iterator[Path]:
    """Run ``script start KIND FOLDER`` and yield FOLDER; nothing is left of it."""
    # Not below /tmp, which an engine may have for itself; and short, for sockets.
    folder = Path(tempfile.mkdtemp(prefix="localfaas-engine-", dir="/var/lib"))
    # Whoever ends it learns of this process's end, however that comes.
    words = ["sh", "-c", 'cat >/dev/null; exec "$0" stop "$@"', str(script), *kind, str(folder)]
    ending = subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True)
    try:
        subprocess.run([script, "start", *kind, folder], check=True)
        yield folder
    finally:
        assert ending.stdin is not None
        ending.stdin.close()
        ending.wait()
    assert ending.returncode == 0
    assert not folder.exists()


def without_docker() -> dict[str, str]:
    """Return this process's variables but for those that name an engine."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
