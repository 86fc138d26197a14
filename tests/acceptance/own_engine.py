"""A Docker engine of a test's own, which it may restart and kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.contract.docker_engine import IMAGE, need_engine, unavailable
from tests.patience import PATIENCE_S

#: Made by tests/docker_engine.sh.
CACHE = Path(os.environ.get("LOCALFAAS_TEST_CACHE", "/var/cache/localfaas-tests"))
#: Of the engine's own disk: the image takes half of it.
DISK_MB = 450


class OwnEngine:
    """One engine with a folder, a socket and a bridge of its own.

    Args:
        folder: Its own.
        disk_mb: The size of its disk.
        options: Of ``dockerd``.
    """

    def __init__(
        self, folder: Path, *, disk_mb: int = DISK_MB, options: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self._disk_mb = disk_mb
        self._options = options
        self.data = folder / "data"
        self.url = f"unix://{folder}/docker.sock"
        self._bridge = f"lf{os.getpid() % 10_000_000}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> OwnEngine:
        try:
            # A disk that can be filled.
            self.data.mkdir()
            size = f"size={self._disk_mb}m"
            subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", self.data], check=True)
            self._ip("link", "add", self._bridge, "type", "bridge")
            subnet = f"10.214.{os.getpid() % 250}.1/24"
            self._ip("addr", "add", subnet, "dev", self._bridge)
            self._ip("link", "set", self._bridge, "up")
            self.start()
            self.docker("import", "--change", 'CMD ["/bin/sh"]', f"{CACHE}/base-1.tar", IMAGE)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGTERM)
        subprocess.run(["umount", "--lazy", self.data], check=False, capture_output=True)
        with suppress(subprocess.CalledProcessError):
            self._ip("link", "del", self._bridge)

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def start(self) -> None:
        """Start the engine; returns once it answers."""
        (self.folder / "pid").unlink(missing_ok=True)
        storage = [] if "overlay" in Path("/proc/filesystems").read_text() else ["vfs"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["dockerd", f"--data-root={self.data}", f"--exec-root={self.folder}/run",
                 f"--pidfile={self.folder}/pid", f"--host={self.url}", f"--bridge={self._bridge}",
                 "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
                 "--exec-opt=native.cgroupdriver=cgroupfs",
                 *(f"--storage-driver={name}" for name in storage), *self._options],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + PATIENCE_S
        while subprocess.run(
            ["docker", "--host", self.url, "version"], capture_output=True, check=False
        ).returncode:
            text = (self.folder / "log").read_text()[-2000:]
            assert self._process.poll() is None, f"dockerd ended: {text}"
            assert time.monotonic() < end, f"dockerd does not answer: {text}"
            time.sleep(0.1)

    def stop(self, number: signal.Signals) -> None:
        """End the engine and wait until it is gone; its containers go with SIGTERM."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(PATIENCE_S)
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Send the engine a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def docker(self, *words: str) -> str:
        """Run a command against it and return what it prints."""
        done = subprocess.run(
            ["docker", "--host", self.url, *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextmanager
def own_engine(*, disk_mb: int = DISK_MB, options: Sequence[str] = ()) -> Iterator[OwnEngine]:
    """Start an engine of the test's own; skip where that can't be."""
    need_engine()
    if os.geteuid() != 0 or not shutil.which("dockerd") or not (CACHE / "base-1.tar").exists():
        unavailable("needs root, dockerd and what tests/docker_engine.sh makes")
    # A short path: sockets have no more than 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="lfdocker-", dir="/tmp"))
    try:
        with OwnEngine(folder, disk_mb=disk_mb, options=options) as engine:
            yield engine
    finally:
        shutil.rmtree(folder, ignore_errors=True)
